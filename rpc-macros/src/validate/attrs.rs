//! The attributes of items and methods.

use quote::ToTokens;
use syn::{Attribute, Meta};

use crate::endpoint_attrs::{LookAlike, look_alike};
use crate::errors::Errors;

/// Returns the `#[cfg]`s of an item.
pub(super) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect()
}

/// Returns the documentation of an item.
pub(super) fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    let is_text =
        |attr: &&Attribute| attr.path().is_ident("doc") && matches!(attr.meta, Meta::NameValue(_));
    attrs.iter().filter(is_text).cloned().collect()
}

/// Rejects attributes that look like an endpoint attribute.
pub(super) fn look_alikes(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs {
        let Some(look_alike) = look_alike(&attr.meta) else { continue };
        match look_alike {
            LookAlike::Qualified(name) => errors.push(
                attr.path(),
                format!("`#[{name}]` is not a macro: `#[endpoint]` reads it"),
                format!("write `#[{name}]` without a path before it"),
            ),
            LookAlike::Expect => errors.push(
                attr.path(),
                "`#[expect]` is the compiler's attribute for lints",
                "write `#[expected(…)]` to name the errors that callers receive as their Rust type",
            ),
            LookAlike::Conditional(name) => errors.push(
                attr,
                format!("`#[{name}]` cannot be conditional: the interface would be, too"),
                format!("write `#[{name}(…)]`, or put `#[cfg]` on two versions of the method"),
            ),
            LookAlike::Misspelt => errors.push(
                attr.path(),
                format!(
                    "`#[{}]` is not an attribute of `#[endpoint]`",
                    attr.path().to_token_stream()
                ),
                "write `#[expected(…)]`",
            ),
        }
    }
}
