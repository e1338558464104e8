//! Checks types as far as their tokens allow. The compiler checks the rest.

use syn::visit::{self, Visit};
use syn::{GenericArgument, Path, PathArguments, Type, TypeImplTrait, TypeReference};

use crate::errors::Errors;

/// Returns the type without parentheses and without the invisible group of a `macro_rules`
/// fragment.
pub(super) fn ungroup(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungroup(&group.elem),
        Type::Paren(paren) => ungroup(&paren.elem),
        other => other,
    }
}

/// Returns the last segment of a path type.
pub(super) fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ungroup(ty) {
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

/// Returns the first type argument of the last segment.
pub(super) fn first_argument(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(ty)?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Rejects types that the client cannot use in its own signature. Returns whether the type is
/// valid.
pub(super) fn check_client_type(ty: &Type, role: &str, errors: &mut Errors) -> bool {
    let mark = errors.mark();
    ClientTypeCheck { role, errors }.visit_type(ty);
    errors.clean_since(mark)
}

struct ClientTypeCheck<'a> {
    role: &'a str,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for ClientTypeCheck<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let owned = match ungroup(&reference.elem) {
            Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
            Type::Path(path) if path.path.is_ident("Path") => "`PathBuf`".to_owned(),
            Type::Slice(_) => "a `Vec`".to_owned(),
            Type::Path(path) => match path.path.get_ident() {
                Some(ident) => format!("`{ident}`"),
                None => "the type itself, without `&`".to_owned(),
            },
            _ => "the type itself, without `&`".to_owned(),
        };
        let problem = format!("{} is sent by value, not by reference", self.role);
        self.errors.push(reference, problem, format!("write {owned}"));
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let problem = format!("{} must have a type that the client can name", self.role);
        self.errors.push(ty, problem, "write a named type instead of `impl …`");
    }

    fn visit_path(&mut self, path: &'ast Path) {
        match path.segments.first() {
            Some(first) if first.ident == "Self" => {
                let problem =
                    format!("{} names `Self`, which is a different type in the client", self.role);
                self.errors.push(path, problem, "write the name of the type");
            }
            _ => visit::visit_path(self, path),
        }
    }
}
