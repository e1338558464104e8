//! Which attributes a method has, which of them are ours, and which only look so.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

use crate::ast::Method;
use crate::errors::Errors;
use crate::strip;

/// The item's `#[cfg]`s.
pub(super) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect()
}

/// The item's documentation.
pub(super) fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    let is_text =
        |attr: &&Attribute| attr.path().is_ident("doc") && matches!(attr.meta, Meta::NameValue(_));
    attrs.iter().filter(is_text).cloned().collect()
}

/// Whether clients may call the method; our attributes on one that they may not are a mistake.
pub(super) fn is_remote(method: &Method, in_trait: bool, errors: &mut Errors) -> bool {
    let local = method.attrs.iter().find(|attr| strip::own_name(attr) == Some("local"));
    let remote = if in_trait { local.is_none() } else { method.is_pub() };
    if let (Some(attr), false) = (local, in_trait) {
        let advice = match remote {
            true => "remove it, and `pub` too: methods of an `impl` that are not `pub` stay local",
            false => "remove it: this method is not `pub`, so it is local already",
        };
        errors.push(attr, "`#[local]` is for traits, where every method is remote", advice);
    }
    if let (Some(Meta::List(_) | Meta::NameValue(_)), true) =
        (local.map(|attr| &attr.meta), in_trait)
    {
        errors.push(local, "`#[local]` takes no arguments", "write `#[local]`");
    }
    if !remote {
        only_on_remote(method, in_trait, errors);
    }
    remote
}

fn only_on_remote(method: &Method, in_trait: bool, errors: &mut Errors) {
    let on_args = method.sig.inputs.iter().flat_map(|input| match input {
        syn::FnArg::Typed(arg) => arg.attrs.as_slice(),
        syn::FnArg::Receiver(receiver) => receiver.attrs.as_slice(),
    });
    for attr in method.attrs.iter().chain(on_args) {
        let Some(own) = strip::own_name(attr).filter(|own| *own != "local") else { continue };
        let name = &method.sig.ident;
        let (problem, advice) = match in_trait {
            true => ("`#[local]`, clients cannot call it", "remove one of the two attributes"),
            false => {
                ("not `pub`, clients cannot call it", "write `pub fn`, or remove the attribute")
            }
        };
        errors.push(attr, format!("`#[{own}]` has no effect: `{name}` is {problem}"), advice);
    }
}

/// Explains attributes that somebody may take for ours.
pub(super) fn look_alikes(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs {
        let path = attr.path();
        let last =
            path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if path.segments.len() > 1 {
            qualified(attr, &last, errors);
        } else if last == "expect" {
            lint_expectation(attr, errors);
        } else if last == "cfg_attr" {
            conditional(attr, errors);
        } else if misspelt(&last) {
            let problem = format!("`#[{last}]` is not an attribute of `#[endpoint]`");
            errors.push(path, problem, "write `#[expected(…)]`");
        }
    }
}

fn qualified(attr: &Attribute, last: &str, errors: &mut Errors) {
    let first = attr.path().segments.first().map(|segment| segment.ident.to_string());
    let ours = first.is_some_and(|first| first == "rpc_core" || first == "rpc_macros");
    if ours && last != "expected" && strip::OWN.contains(&last) {
        let problem = format!("`#[{last}]` is no macro, `#[endpoint]` reads it");
        errors.push(attr.path(), problem, format!("write `#[{last}]` without a path before it"));
    }
}

/// `#[expect(…)]` is the compiler's own and names lints, which begin with a small letter.
fn lint_expectation(attr: &Attribute, errors: &mut Errors) {
    let names = attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
    let is_type = |path: &Path| {
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        last.is_some_and(|last| last.starts_with(char::is_uppercase))
    };
    if names.is_ok_and(|names| names.iter().any(is_type)) {
        errors.push(
            attr.path(),
            "`#[expect]` is the compiler's attribute for lints",
            "write `#[expected(…)]` to name the errors that callers get as themselves",
        );
    }
}

/// The condition of a `#[cfg_attr]` is not known yet when `#[endpoint]` runs.
fn conditional(attr: &Attribute, errors: &mut Errors) {
    let Meta::List(list) = &attr.meta else { return };
    let text = list.tokens.to_string();
    let applied = text.split(',').skip(1).map(|applied| applied.trim().to_owned());
    let own = applied.filter_map(|applied| {
        let name = applied.split('(').next().unwrap_or_default().trim().to_owned();
        strip::OWN.into_iter().find(|own| *own == name)
    });
    if let Some(own) = own.into_iter().next() {
        errors.push(
            attr.to_token_stream(),
            format!("`#[{own}]` cannot be conditional: what is on the wire would be, too"),
            format!("write `#[{own}(…)]`, or put `#[cfg]` on two versions of the method"),
        );
    }
}

/// One slip of the finger away from `expected`.
fn misspelt(name: &str) -> bool {
    name != "expected" && name != "expect" && distance(name, "expected") <= 2
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for column in 0..right.len() {
            let replaced = last[column] + usize::from(letter != right[column]);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if column > 0 && previous == Some(right[column]) && letter == right[column - 1] {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last[right.len()]
}
