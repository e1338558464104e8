//! Clients of methods that have a mistake: they type-check, so that callers add nothing to what was reported already.

use proc_macro2::{Span, TokenStream};
use syn::{Ident, Type};

use super::{client, local};
use crate::model::{Endpoint, Method};

/// The method with what was understood of its signature; any type will do for the rest.
pub(super) fn method(method: &Method, endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let _ = endpoint;
    let ident = local(&method.ident);
    let mut any = Vec::new();
    let params: Vec<TokenStream> = method
        .args
        .iter()
        .chain(&method.rest)
        .enumerate()
        .map(|(position, arg)| {
            let name = local(&arg.ident);
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
    let head = client::head(method);
    let returns = client::returns(method, private);
    emit! {
        #head
        #[allow(unused_variables)]
        pub fn #ident<#(#any),*>(&self, #ctx: &#private::Context, #(#params),*) -> #returns {
            loop {}
        }
    }
}
