//! Generic parameters of generated types.

use proc_macro2::TokenStream;
use syn::{GenericParam, Generics};

/// Returns the parameters as arguments.
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

/// Removes bounds and defaults.
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
                // `?Sized` relaxes a bound, so it stays.
                param.bounds = std::mem::take(&mut param.bounds)
                    .into_iter()
                    .filter(is_relaxed_bound)
                    .collect();
                param.default = None;
            }
            GenericParam::Const(param) => param.default = None,
        }
    }
    generics
}

fn is_relaxed_bound(bound: &syn::TypeParamBound) -> bool {
    emit!(#bound).to_string().starts_with('?')
}

/// Returns the type of a `PhantomData` field that uses the parameters and requires nothing of them.
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
