//! The attributes of items and methods.

use quote::ToTokens;
use syn::{Attribute, Meta};

use crate::ast::Method;
use crate::errors::Errors;
use crate::strip::{self, LookAlike};

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

/// Returns whether the method is remote. Rejects endpoint attributes on one that is not.
pub(super) fn is_remote(method: &Method, in_trait: bool, errors: &mut Errors) -> bool {
    let local = method.attrs.iter().find(|attr| strip::endpoint_attr(attr) == Some("local"));
    let remote = local.is_none() && (in_trait || method.is_pub());
    if let (Some(attr), false) = (local, in_trait) {
        let help = match method.is_pub() {
            true => "remove it and `pub`: in an `impl` block only `pub` methods are remote",
            false => "remove it: this method is not `pub`, so it is already local",
        };
        errors.push(attr, "`#[local]` is for traits, where every method is remote", help);
    }
    if let (Some(Meta::List(_) | Meta::NameValue(_)), true) =
        (local.map(|attr| &attr.meta), in_trait)
    {
        errors.push(local, "`#[local]` takes no arguments", "write `#[local]`");
    }
    look_alikes(&method.attrs, errors);
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
        let Some(own) = strip::endpoint_attr(attr).filter(|own| *own != "local") else { continue };
        let name = &method.sig.ident;
        let (problem, help) = match in_trait {
            true => ("`#[local]`, clients cannot call it", "remove one of the two attributes"),
            false => {
                ("not `pub`, clients cannot call it", "write `pub fn`, or remove the attribute")
            }
        };
        errors.push(attr, format!("`#[{own}]` has no effect: `{name}` is {problem}"), help);
    }
}

/// Rejects attributes that look like an endpoint attribute.
pub(super) fn look_alikes(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs {
        let Some(look_alike) = strip::look_alike(&attr.meta) else { continue };
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
