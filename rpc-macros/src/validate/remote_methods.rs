//! Decides which methods are remote.

use syn::Meta;

use super::attrs;
use crate::ast::Method;
use crate::endpoint_attrs::endpoint_attr_name;
use crate::errors::Errors;

/// Returns whether the method is remote. Rejects endpoint attributes on one that is not.
pub(super) fn is_remote(method: &Method, in_trait: bool, errors: &mut Errors) -> bool {
    let local = method.attrs.iter().find(|attr| endpoint_attr_name(attr.path()) == Some("local"));
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
    attrs::look_alikes(&method.attrs, errors);
    if !remote {
        only_on_remote(method, in_trait, errors);
    }
    remote
}

/// Rejects endpoint attributes on a method that is not remote.
fn only_on_remote(method: &Method, in_trait: bool, errors: &mut Errors) {
    let on_args = method.sig.inputs.iter().flat_map(|input| match input {
        syn::FnArg::Typed(arg) => arg.attrs.as_slice(),
        syn::FnArg::Receiver(receiver) => receiver.attrs.as_slice(),
    });
    for attr in method.attrs.iter().chain(on_args) {
        let Some(attr_name) = endpoint_attr_name(attr.path()).filter(|name| *name != "local")
        else {
            continue;
        };
        let name = &method.sig.ident;
        let (problem, help) = match in_trait {
            true => ("`#[local]`, clients cannot call it", "remove one of the two attributes"),
            false => {
                ("not `pub`, clients cannot call it", "write `pub fn`, or remove the attribute")
            }
        };
        errors.push(attr, format!("`#[{attr_name}]` has no effect: `{name}` is {problem}"), help);
    }
}
