//! Generates the typed client, which has a method for each remote method.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::params::{marker, unbounded};
use super::{allow_lints, cfgs, fallback, hygienic, private, version};
use crate::model::{Arg, Endpoint, Method};
use crate::names::{self, mixed_site_at};

pub(super) fn expand(endpoint: &Endpoint) -> TokenStream {
    let private = private(endpoint);
    let definition = definition(endpoint, &private);
    let constructors = constructors(&private);
    let methods = endpoint.methods.iter().map(|method| self::method(method, endpoint, &private));
    let invalid = endpoint.invalid.iter().map(|method| fallback::method(method, &private));
    let client = &endpoint.client.ident;
    let (impl_generics, arguments, where_clause) = endpoint.client.generics.split_for_impl();
    let (lints, cfgs) = (allow_lints(), &endpoint.cfgs);
    emit! {
        #definition

        #(#cfgs)*
        #lints
        #[automatically_derived]
        impl #impl_generics #client #arguments #where_clause {
            #constructors
            #(#methods)*
            #(#invalid)*
        }
    }
}

/// Generates the type. It derives nothing, because derives would add bounds on its parameters.
fn definition(endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let (vis, client) = (&endpoint.client.vis, &endpoint.client.ident);
    let generics = unbounded(&endpoint.client.generics);
    let (impl_generics, arguments, _) = generics.split_for_impl();
    let marker = marker(&generics);
    let field = marker.as_ref().map(|ty| emit!(__rpc_types: ::core::marker::PhantomData<#ty>,));
    let value = marker.as_ref().map(|_| emit!(__rpc_types: ::core::marker::PhantomData,));
    let docs = format!(
        " Client of [`{name}`], with a method for each remote method.",
        name = names::wire_name(&endpoint.name),
    );
    let name = names::wire_name(client);
    let (lints, cfgs) = (allow_lints(), &endpoint.cfgs);
    emit! {
        #(#cfgs)*
        #lints
        #[doc = #docs]
        #vis struct #client #impl_generics {
            rpc: #private::RpcClient,
            #field
        }

        #(#cfgs)*
        #lints
        const _: () = {
            #[automatically_derived]
            impl #impl_generics ::core::convert::From<#private::RpcClient> for #client #arguments {
                fn from(rpc: #private::RpcClient) -> Self {
                    Self { rpc, #value }
                }
            }

            #[automatically_derived]
            impl #impl_generics ::core::clone::Clone for #client #arguments {
                fn clone(&self) -> Self {
                    Self { rpc: ::core::clone::Clone::clone(&self.rpc), #value }
                }
            }

            #[automatically_derived]
            impl #impl_generics ::core::fmt::Debug for #client #arguments {
                fn fmt(&self, __rpc_f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    __rpc_f.debug_struct(#name).field("rpc", &self.rpc).finish_non_exhaustive()
                }
            }
        };
    }
}

fn constructors(private: &TokenStream) -> TokenStream {
    emit! {
        /// Creates a client that sends calls to `target` over `transport`.
        #[must_use]
        pub fn new(
            transport: impl ::core::convert::Into<#private::Arc<dyn #private::Transport>>,
            target: #private::Target,
        ) -> Self {
            <Self as ::core::convert::From<_>>::from(#private::RpcClient::new(transport, target))
        }

        /// Creates a client of an endpoint in this process.
        ///
        /// Calls use the same dispatch as over a transport.
        #[must_use]
        pub fn in_process<__RpcEndpoint>(endpoint: __RpcEndpoint) -> Self
        where
            __RpcEndpoint: #private::Endpoint<Client = Self>
                + ::core::marker::Send
                + ::core::marker::Sync,
        {
            <Self as ::core::convert::From<_>>::from(
                #private::RpcClient::in_process::<__RpcEndpoint>(endpoint),
            )
        }

        /// Returns the underlying untyped client.
        ///
        /// Its own calls use the null namespace, unless it is prepared with another.
        #[must_use]
        pub fn rpc(&self) -> &#private::RpcClient {
            &self.rpc
        }

        /// Returns a builder with the settings of this client, to change its target, timeout,
        /// version cap and more.
        #[must_use]
        pub fn prepare(&self) -> #private::ClientBuilder<Self> {
            self.rpc.__prepare()
        }
    }
}

fn method(method: &Method, endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let ident = hygienic(&method.ident);
    let ctx = ctx(method);
    let attrs = method_attrs(method);
    let params = params(method);
    let returns = returns(method, private);
    let args = encode(method, private);
    let version = required_version(method, endpoint, private);
    let namespace =
        super::option(endpoint.namespaces.first().cloned().flatten().map(|name| emit!(#name)));
    let wire = &method.wire;
    emit! {
        #attrs
        pub fn #ident(&self, #ctx: &#private::Context, #(#params),*) -> #returns {
            let __rpc_args = #args;
            self.rpc.__call(#ctx, #namespace, #wire, #version, __rpc_args)
        }
    }
}

/// Returns the name of the context parameter, which differs from `ctx` if an argument has that
/// name.
pub(super) fn ctx(method: &Method) -> Ident {
    let taken = method.args.iter().chain(&method.rest).any(|arg| arg.ident == "ctx");
    Ident::new(if taken { "__rpc_ctx" } else { "ctx" }, Span::mixed_site())
}

/// Returns the attributes of a client method.
pub(super) fn method_attrs(method: &Method) -> TokenStream {
    let Method { cfgs, docs, deprecated, .. } = method;
    let name = names::wire_name(&method.ident);
    let default = format!(" Calls `{name}`.");
    let fallback = docs.is_empty().then(|| emit!(#[doc = #default]));
    emit!(#(#cfgs)* #(#docs)* #fallback #deprecated)
}

fn params(method: &Method) -> impl Iterator<Item = TokenStream> {
    method.args.iter().chain(&method.rest).map(|Arg { ident, ty, .. }| {
        let ident = hygienic(ident);
        emit!(#ident: #ty)
    })
}

pub(super) fn returns(method: &Method, private: &TokenStream) -> TokenStream {
    let ok: &Type = method.output.ok();
    let expected = match &method.expected {
        Some(expected) => {
            let ident = &expected.ident;
            let (_, arguments, _) = expected.generics.split_for_impl();
            emit!(#ident #arguments)
        }
        None => emit!(::core::convert::Infallible),
    };
    emit!(#private::Call<#ok, #expected>)
}

fn encode(method: &Method, private: &TokenStream) -> TokenStream {
    let names = method.args.iter().map(|arg| &arg.wire);
    let values = method.args.iter().map(by_reference);
    let absent =
        method.args.iter().enumerate().filter(|(_, arg)| arg.optional).map(|(position, arg)| {
            let ident = hygienic(&arg.ident);
            let bit = 1_u32 << position;
            emit!(| if ::core::option::Option::is_none(&#ident) { #bit } else { 0 })
        });
    let values = emit!((#(#values,)*));
    let shared = emit!(self.rpc.codec(), &[#(#names),*], #values, 0 #(#absent)*);
    match &method.rest {
        None => emit!(#private::encode_spanned_args(#shared)),
        Some(rest) => {
            let rest = by_reference(rest);
            emit!(#private::encode_spanned_args_and_rest(#shared, #rest))
        }
    }
}

/// Generates a reference at the span of the argument, where the compiler reports that it cannot be
/// encoded.
fn by_reference(arg: &Arg) -> TokenStream {
    let ident = hygienic(&arg.ident);
    quote_spanned! { mixed_site_at(arg.ty.span())=> &#ident }
}

/// Generates the version that the call requests: the newest version that the method or a given
/// argument requires.
fn required_version(method: &Method, endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let base = version(private, method.since.unwrap_or(endpoint.version.first()));
    let mut since_args: Vec<_> =
        method.args.iter().filter_map(|arg| Some((arg.since?, hygienic(&arg.ident)))).collect();
    since_args.sort_by(|(left, _), (right, _)| right.cmp(left));
    let branches = since_args.iter().map(|(since, ident)| {
        let version = version(private, *since);
        emit!(if ::core::option::Option::is_some(&#ident) { #version } else)
    });
    emit!(#(#branches)* { #base })
}

/// Returns the `#[cfg]`s of items that belong to a method but are outside the client.
pub(super) fn method_cfgs(endpoint: &Endpoint, method: &Method) -> TokenStream {
    cfgs(endpoint, &method.cfgs)
}
