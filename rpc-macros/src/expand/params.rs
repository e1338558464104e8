//! Generic parameters, as generated types declare and mention them.

use proc_macro2::TokenStream;
use syn::{GenericParam, Generics};

/// The parameters as arguments.
pub(super) fn arguments(generics: &Generics) -> Vec<TokenStream> {
    generics
        .params
        .iter()
        .map(|param| match param {
            GenericParam::Lifetime(param) => {
                let lifetime = &param.lifetime;
                emit!(#lifetime)
            }
            GenericParam::Type(param) => {
                let ident = &param.ident;
                emit!(#ident)
            }
            GenericParam::Const(param) => {
                let ident = &param.ident;
                emit!(#ident)
            }
        })
        .collect()
}

/// The same parameters with neither bounds nor defaults.
pub(super) fn unbounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    generics.where_clause = None;
    for param in &mut generics.params {
        match param {
            GenericParam::Lifetime(param) => {
                param.bounds.clear();
                param.colon_token = None;
            }
            GenericParam::Type(param) => {
                // `?Sized` is no demand but its absence is one.
                param.bounds =
                    std::mem::take(&mut param.bounds).into_iter().filter(relaxes).collect();
                param.default = None;
            }
            GenericParam::Const(param) => param.default = None,
        }
    }
    generics
}

fn relaxes(bound: &syn::TypeParamBound) -> bool {
    emit!(#bound).to_string().starts_with('?')
}

/// A type that mentions the parameters and asks nothing of them.
pub(super) fn marker(generics: &Generics) -> Option<TokenStream> {
    let mentioned: Vec<TokenStream> = generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Lifetime(param) => {
                let lifetime = &param.lifetime;
                Some(emit!(::core::marker::PhantomData<&#lifetime ()>))
            }
            GenericParam::Type(param) => {
                let ident = &param.ident;
                Some(emit!(::core::marker::PhantomData<#ident>))
            }
            GenericParam::Const(_) => None,
        })
        .collect();
    (!mentioned.is_empty()).then(|| emit!(fn() -> (#(#mentioned,)*)))
}
