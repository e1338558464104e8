//! Which types can travel, as far as their spelling tells. The rest is the compiler's to check.

use syn::visit::{self, Visit};
use syn::{GenericArgument, Path, PathArguments, Type, TypeImplTrait, TypeReference};

use crate::errors::Errors;

/// The type without the invisible group that a `macro_rules` fragment puts around it.
pub(super) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        other => other,
    }
}

/// The last segment of a path type.
pub(super) fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

pub(super) fn is_option(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Option")
}

pub(super) fn is_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Result")
}

/// The first type between the angle brackets of the last segment.
pub(super) fn first_argument(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(ty)?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Refuses types that a client, which has nothing but the signature, could not use. Says whether all is well.
pub(super) fn check_travels(ty: &Type, role: &str, errors: &mut Errors) -> bool {
    let mark = errors.mark();
    Travels { role, errors }.visit_type(ty);
    errors.clean_since(mark)
}

struct Travels<'a> {
    role: &'a str,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Travels<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let owned = match peel(&reference.elem) {
            Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
            Type::Path(path) if path.path.is_ident("Path") => "`PathBuf`".to_owned(),
            Type::Slice(_) => "a `Vec`".to_owned(),
            Type::Path(path) => match path.path.get_ident() {
                Some(ident) => format!("`{ident}`"),
                None => "the type itself, without `&`".to_owned(),
            },
            _ => "the type itself, without `&`".to_owned(),
        };
        let problem = format!("{} travels by value, not by reference", self.role);
        self.errors.push(reference, problem, format!("write {owned}"));
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let problem = format!("{} needs a type that the client can name", self.role);
        self.errors.push(ty, problem, "name the type instead of writing `impl …`");
    }

    fn visit_path(&mut self, path: &'ast Path) {
        match path.segments.first() {
            Some(first) if first.ident == "Self" => {
                let problem =
                    format!("{} names `Self`, which is another type on the client", self.role);
                self.errors.push(path, problem, "write the type out");
            }
            _ => visit::visit_path(self, path),
        }
    }
}
