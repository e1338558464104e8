//! Generates client methods for methods with errors. They type-check, so that callers cause no
//! further errors.

use proc_macro2::{Span, TokenStream};
use syn::{Ident, Type};

use super::{client, hygienic};
use crate::model::Method;

/// Generates the method with the valid part of its signature. Other arguments have any type.
pub(super) fn method(method: &Method, private: &TokenStream) -> TokenStream {
    let ident = hygienic(&method.ident);
    let mut any = Vec::new();
    let params: Vec<TokenStream> = method
        .args
        .iter()
        .chain(&method.rest)
        .enumerate()
        .map(|(position, arg)| {
            let name = hygienic(&arg.ident);
            match &arg.ty {
                Type::Infer(_) => {
                    let ty = Ident::new(&format!("__RpcArg{position}"), Span::mixed_site());
                    any.push(ty.clone());
                    emit!(#name: #ty)
                }
                ty => emit!(#name: #ty),
            }
        })
        .collect();
    let ctx = client::ctx(method);
    let attrs = client::method_attrs(method);
    let returns = client::returns(method, private);
    emit! {
        #attrs
        #[allow(unused_variables)]
        pub fn #ident<#(#any),*>(&self, #ctx: &#private::Context, #(#params),*) -> #returns {
            loop {}
        }
    }
}
