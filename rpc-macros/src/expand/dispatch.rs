//! Generates the `Endpoint` implementation: the descriptor, and a function for each method that
//! decodes the arguments, calls the method and encodes the result.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Ident;
use syn::spanned::Spanned;

use super::{
    allow_lints, descriptor, expected_error, hygienic, implementor, private, service, spanned_call,
    trait_path,
};
use crate::model::{Arg, Endpoint, EndpointKind, Entry, Execution, Method, Output, Receiver};
use crate::names::mixed_site_at;

/// The variables of a dispatch function.
struct Vars {
    endpoint: Ident,
    ctx: Ident,
    args: Ident,
    codec: Ident,
}

impl Vars {
    fn new() -> Self {
        let var = |name| Ident::new(name, Span::mixed_site());
        Self {
            endpoint: var("__rpc_endpoint"),
            ctx: var("__rpc_ctx"),
            args: var("__rpc_args"),
            codec: var("__rpc_codec"),
        }
    }
}

pub(super) fn expand(endpoint: &Endpoint) -> TokenStream {
    let private = private(endpoint);
    let lints = allow_lints();
    let cfgs = &endpoint.cfgs;
    let (self_ty, generics) = implementor(endpoint);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let client = &endpoint.client.ident;
    let (_, client_arguments, _) = endpoint.client.generics.split_for_impl();
    let descriptor = descriptor::expand(endpoint, &private);
    let functions = endpoint.methods.iter().map(|method| function(method, endpoint, &private));
    let probes = probes(endpoint, &private);
    emit! {
        #(#cfgs)*
        #lints
        const _: () = {
            #probes

            #[automatically_derived]
            impl #impl_generics #private::Endpoint for #self_ty #where_clause {
                type Client = #client #client_arguments;

                const DESCRIPTOR: &'static #private::EndpointDescriptor = #descriptor;

                const INVOKE: &'static [#private::InvokeFn<Self>] = &[#(#functions),*];
            }
        };
    }
}

/// Imports the traits of the probes, if a method needs them.
fn probes(endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let fallible =
        endpoint.methods.iter().any(|method| matches!(method.output, Output::Fallible { .. }));
    let errors = fallible.then(|| {
        emit! {
            use #private::{
                ViaAsRef as _, ViaError as _, ViaNothing as _, ViaPointer as _, ViaRpcError as _,
                ViaRpcErrorPointer as _,
            };
        }
    });
    let plain = endpoint.methods.iter().any(|method| matches!(method.output, Output::Plain(_)));
    let results = plain.then(|| emit!(use #private::ViaPlainValue as _;));
    emit!(#errors #results)
}

fn function(method: &Method, endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let vars = Vars::new();
    let Vars { endpoint: service, ctx, args, codec } = &vars;
    let cfgs = &method.cfgs;
    let decode = decode(method, &vars, private);
    let returned = Ident::new("__rpc_returned", Span::mixed_site());
    let call = call(method, endpoint, &vars, private);
    let encode = encode(method, &returned, &vars, private);
    // The compiler reports at the span of the method's name that its future is not `Send`.
    let body = quote_spanned! { mixed_site_at(method.ident.span())=>
        ::std::boxed::Box::pin(async move {
            let #codec = #args.codec();
            #decode
            let #returned = #call;
            #encode
        })
    };
    emit!(#(#cfgs)* |#service, #ctx, #args| #body)
}

fn decode(method: &Method, vars: &Vars, private: &TokenStream) -> TokenStream {
    let Vars { args, .. } = vars;
    let names = method.args.iter().map(|arg| &arg.wire);
    let arguments = method.args.iter().map(|arg| spanned_call(private, "argument", &arg.ty));
    let locals = method.args.iter().map(|arg| hygienic(&arg.ident));
    let (locals, arguments) = (emit!((#(#locals,)*)), emit!((#(#arguments,)*)));
    let (pattern, decoded) = match &method.rest {
        None => (locals, emit!(decode_spanned_args(#args, &[#(#names),*], #arguments))),
        Some(Arg { ident, ty, .. }) => {
            let local = hygienic(ident);
            let rest = spanned_call(private, "rest", ty);
            let decoded =
                emit!(decode_spanned_args_and_rest(#args, &[#(#names),*], #arguments, #rest));
            (emit!((#locals, #local)), decoded)
        }
    };
    emit! {
        let #pattern = match #private::#decoded {
            ::core::result::Result::Ok(__rpc_decoded) => __rpc_decoded,
            ::core::result::Result::Err(__rpc_failure) => {
                return ::core::result::Result::Err(__rpc_failure);
            }
        };
    }
}

/// Generates the call of the user's method, with `.await` if necessary.
fn call(method: &Method, endpoint: &Endpoint, vars: &Vars, private: &TokenStream) -> TokenStream {
    let Vars { endpoint: service, ctx, .. } = vars;
    let blocking = method.execution == Execution::Blocking;
    let by_ref = blocking.then(|| emit!(&));
    let shared = emit!(#by_ref #service);
    let (function, receiver) = callee(method, endpoint, &shared);
    let locals = method.args.iter().chain(&method.rest).map(|arg| hygienic(&arg.ident));
    let call = emit!(#function(#receiver, #by_ref #ctx, #(#locals),*));
    match method.execution {
        Execution::Sync => call,
        Execution::Async => emit!(#call.await),
        Execution::Blocking => emit! {{
            let #service = ::core::clone::Clone::clone(#service);
            let #ctx = ::core::clone::Clone::clone(#ctx);
            match #private::run_blocking(move || #call).await {
                ::core::result::Result::Ok(__rpc_returned) => __rpc_returned,
                ::core::result::Result::Err(__rpc_failure) => {
                    return ::core::result::Result::Err(__rpc_failure);
                }
            }
        }},
    }
}

/// Returns the path of the method and its receiver.
fn callee(
    method: &Method,
    endpoint: &Endpoint,
    shared: &TokenStream,
) -> (TokenStream, TokenStream) {
    let ident = &method.ident;
    match &endpoint.kind {
        EndpointKind::Impl { .. } => {
            let receiver = match method.receiver {
                Receiver::Ref | Receiver::RefArc => emit!(#shared),
                Receiver::Arc => emit!(::core::clone::Clone::clone(#shared)),
            };
            (emit!(Self::#ident), receiver)
        }
        EndpointKind::Trait { .. } => {
            let (service, path) = (service(), trait_path(endpoint));
            (emit!(<#service as #path>::#ident), emit!(&(#shared).0))
        }
    }
}

fn encode(method: &Method, returned: &Ident, vars: &Vars, private: &TokenStream) -> TokenStream {
    let Vars { codec, .. } = vars;
    match &method.output {
        Output::Plain(ty) => {
            let probe = spanned_call(private, "return_probe", ty);
            let encoder = quote_spanned! { mixed_site_at(ty.span())=> #probe.result_encoder() };
            emit!(#encoder.encode(#codec, &#returned))
        }
        Output::Fallible { written, ok } => {
            let error = Ident::new("__rpc_error", Span::mixed_site());
            let entries = method.expected.iter().flat_map(|expected| &expected.entries);
            let searches = entries.map(|entry| find(entry, &error, codec, private));
            let span = mixed_site_at(written.span());
            let result = quote_spanned! { span=> #private::Fallible::into_result(#returned) };
            let method_error =
                quote_spanned! { span=> (&&&&&&#private::ErrorProbe(&#error)).method_error() };
            let encoder = spanned_call(private, "result_encoder", ok);
            emit! {
                match #result {
                    ::core::result::Result::Ok(__rpc_value) => #encoder.encode(#codec, &__rpc_value),
                    ::core::result::Result::Err(#error) => {
                        let #error = #method_error;
                        #(#searches)*
                        ::core::result::Result::Err(#error.unexpected())
                    }
                }
            }
        }
    }
}

/// Generates the search for an expected error, which is returned if it is found.
fn find(entry: &Entry, error: &Ident, codec: &Ident, private: &TokenStream) -> TokenStream {
    let Entry { variant, .. } = entry;
    let accept = match variant {
        None => emit!(|_| true),
        Some(variant) => emit!(|__rpc_error| match __rpc_error {
            #variant { .. } => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }),
    };
    let expected_error = expected_error(entry, private);
    emit! {
        if let ::core::option::Option::Some(__rpc_failure) =
            #expected_error.find(#codec, &#error, #accept)
        {
            return ::core::result::Result::Err(__rpc_failure);
        }
    }
}
