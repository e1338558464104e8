//! `#[expected(…)]`: the errors, and the variants of the generated enum.

use quote::ToTokens;
use syn::{Attribute, Ident, Path};

use super::{Scope, generics};
use crate::args::{self, ExpectedEntry};
use crate::errors::Errors;
use crate::model::{Entry, Expected};
use crate::names;

/// Checks the expected errors of `method`. An entry with an error is left out.
pub(super) fn check(
    attrs: &[&Attribute],
    method: &Ident,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Expected> {
    let (first, others) = attrs.split_first()?;
    for other in others {
        errors.push(other, "`#[expected]` is given twice", "put all errors into one list");
    }
    let mut entries: Vec<Entry> = Vec::new();
    for written in args::expected(first, errors)? {
        let Some(entry) = entry(written, scope, errors) else { continue };
        if unique(&entry, &entries, errors) {
            entries.push(entry);
        }
    }
    let tokens = entries.iter().map(|entry| entry.ty.to_token_stream()).collect();
    let name = format!("{}{}Expected", names::wire_name(scope.name), names::pascal_case(method));
    let generics = generics::occurring(scope.generics, tokens);
    Some(Expected { ident: names::generated_ident(&name, method), generics, entries })
}

fn entry(written: ExpectedEntry, scope: &Scope<'_>, errors: &mut Errors) -> Option<Entry> {
    let ExpectedEntry { path, renamed } = written;
    let is_keyword = |name: &str| ["Self", "self", "super", "crate"].contains(&name);
    if path.segments.last().is_some_and(|last| is_keyword(&last.ident.to_string())) {
        errors.push(&path, "expected the path of an error", "name error types or variants");
        return None;
    }
    if path.segments.first().is_some_and(|first| first.ident == "Self") {
        let problem = "`Self` is a different type in the client";
        errors.push(&path, problem, "write the name of the type");
        return None;
    }
    let last = path.segments.last()?;
    let name = renamed.unwrap_or_else(|| last.ident.clone());
    match owner_of_variant(&path, scope) {
        Some(owner) => Some(Entry { name, ty: owner, variant: Some(path) }),
        None => Some(Entry { name, ty: path, variant: None }),
    }
}

/// Returns the enum if the path names one of its variants.
///
/// A macro can distinguish `Enum::Variant` and `module::Type` only by the case of the
/// second-to-last segment.
fn owner_of_variant(path: &Path, scope: &Scope<'_>) -> Option<Path> {
    let mut owner = path.clone();
    owner.segments.pop();
    owner.segments.pop_punct();
    let enum_ = owner.segments.last()?;
    let text = names::wire_name(&enum_.ident);
    let associated = owner.segments.len() == 1
        && scope.generics.type_params().any(|param| param.ident == enum_.ident);
    (text.starts_with(char::is_uppercase) && !associated).then_some(owner)
}

fn unique(entry: &Entry, entries: &[Entry], errors: &mut Errors) -> bool {
    let Some(other) = entries.iter().find(|other| other.name == entry.name) else { return true };
    let path = entry.variant.as_ref().unwrap_or(&entry.ty);
    let other = other.variant.as_ref().unwrap_or(&other.ty);
    let text = |path: &Path| path.to_token_stream().to_string().replace(' ', "");
    if text(path) == text(other) {
        errors.push(path, format!("`{}` is named twice", text(path)), "name each error once");
    } else {
        let problem = format!("two expected errors have the name `{}`", entry.name);
        errors.push(
            path,
            problem,
            format!("rename one of them: `{} as Other{}`", text(path), entry.name),
        );
    }
    false
}
