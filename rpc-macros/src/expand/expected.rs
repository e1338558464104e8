//! Generates the enums of expected errors.

use proc_macro2::TokenStream;
use syn::{Generics, parse_quote};

use super::{allow_lints, client, expected_error, private};
use crate::model::{Endpoint, Entry, Expected, Method};
use crate::names;

pub(super) fn expand(endpoint: &Endpoint) -> TokenStream {
    let private = private(endpoint);
    let methods = endpoint.methods.iter().chain(&endpoint.invalid);
    methods
        .filter_map(|method| Some(one(method.expected.as_ref()?, method, endpoint, &private)))
        .collect()
}

fn one(
    expected: &Expected,
    method: &Method,
    endpoint: &Endpoint,
    private: &TokenStream,
) -> TokenStream {
    let Expected { ident, entries, .. } = expected;
    let vis = &endpoint.client.vis;
    let cfgs = client::method_cfgs(endpoint, method);
    let lints = allow_lints();
    let docs = format!(
        " The expected errors of [`{client}::{name}`]({client}::{name}).",
        client = names::wire_name(&endpoint.client.ident),
        name = names::wire_name(&method.ident),
    );
    // With all bounds, because the types of the entries may require them.
    let (parameters, where_clause) = (&expected.generics, &expected.generics.where_clause);
    let variants = entries.iter().map(|Entry { name, ty, variant }| {
        let docs = match variant {
            Some(variant) => format!(" `{}`", path(variant)),
            None => format!(" `{}`", path(ty)),
        };
        emit!(#[doc = #docs] #name(#ty))
    });
    let impls = impls(expected, private);
    emit! {
        #cfgs
        #lints
        #[doc = #docs]
        #vis enum #ident #parameters #where_clause {
            #(#variants,)*
        }

        #cfgs
        #lints
        const _: () = { #impls };
    }
}

fn path(path: &syn::Path) -> String {
    emit!(#path).to_string().replace(' ', "")
}

fn impls(expected: &Expected, private: &TokenStream) -> TokenStream {
    let Expected { ident, entries, .. } = expected;
    let generics = bounded(expected, private);
    let (impl_generics, arguments, where_clause) = generics.split_for_impl();
    let arms = |call: TokenStream| {
        let arms = entries.iter().map(|entry @ Entry { name, .. }| {
            let expected_error = expected_error(entry, private);
            emit!(Self::#name(__rpc_error) => {
                let __rpc_error = #expected_error.error(__rpc_error);
                #call
            })
        });
        // A match on a reference needs an arm even for an empty enum.
        let none = entries.is_empty().then(|| emit!(_ => loop {}));
        emit!(match self { #(#arms)* #none })
    };
    let debug = arms(emit!(::core::fmt::Debug::fmt(__rpc_error, __rpc_f)));
    let display = arms(emit!(::core::fmt::Display::fmt(__rpc_error, __rpc_f)));
    // The source is the error that is also displayed. Otherwise a method that forwards it could not
    // find it.
    let source = arms(emit!(::core::option::Option::Some(__rpc_error)));
    let decode = entries.iter().map(|entry| decode(entry, private));
    emit! {
        #[automatically_derived]
        impl #impl_generics ::core::fmt::Debug for #ident #arguments #where_clause {
            fn fmt(&self, __rpc_f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #debug
            }
        }

        #[automatically_derived]
        impl #impl_generics ::core::fmt::Display for #ident #arguments #where_clause {
            fn fmt(&self, __rpc_f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #display
            }
        }

        #[automatically_derived]
        impl #impl_generics ::core::error::Error for #ident #arguments #where_clause {
            fn source(&self) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                #source
            }
        }

        #[automatically_derived]
        impl #impl_generics #private::ExpectedErrors for #ident #arguments #where_clause {
            fn from_failure(
                __rpc_failure: &#private::Failure,
                __rpc_limits: &#private::DecodeLimits,
            ) -> ::core::option::Option<Self> {
                #(#decode)*
                ::core::option::Option::None
            }
        }
    }
}

/// Adds the bounds on entries that depend on parameters.
fn bounded(expected: &Expected, private: &TokenStream) -> Generics {
    let mut generics = expected.generics.clone();
    if !generics.params.is_empty() {
        let clause = generics.make_where_clause();
        for Entry { ty, .. } in &expected.entries {
            clause.predicates.push(parse_quote! {
                #ty: #private::RpcError
                    + #private::serde::Serialize
                    + #private::serde::de::DeserializeOwned
            });
        }
    }
    generics
}

fn decode(entry: &Entry, private: &TokenStream) -> TokenStream {
    let Entry { name, variant, .. } = entry;
    let accepted = match variant {
        None => emit!(__rpc_error),
        Some(variant) => emit!(__rpc_error @ #variant { .. }),
    };
    let expected_error = expected_error(entry, private);
    emit! {
        if let ::core::option::Option::Some(#accepted) =
            #expected_error.decode(__rpc_failure, __rpc_limits)
        {
            return ::core::option::Option::Some(Self::#name(__rpc_error));
        }
    }
}
