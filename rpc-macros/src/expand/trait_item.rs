//! Generates the trait: its `async fn`s return `Send` futures, and `into_endpoint` wraps an
//! implementation.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{FnArg, ReturnType, parse_quote};

use super::params::{arguments, marker, unbounded};
use super::{allow_lints, service};
use crate::ast::{Body, Item, ItemKind, Member, Method, Trait};
use crate::endpoint_attrs::is_consumed;
use crate::model::{Endpoint, EndpointKind};
use crate::names::{self, mixed_site_at};

/// Generates the trait and its newtype. Returns `None` for an `impl` block, which is emitted as
/// written.
pub(super) fn expand(item: Item, endpoint: &Endpoint) -> Option<TokenStream> {
    let (ItemKind::Trait(definition), EndpointKind::Trait { vis, newtype }) =
        (item.kind, &endpoint.kind)
    else {
        return None;
    };
    let Trait { unsafety, trait_token, ident, supertraits, .. } = *definition;
    let supertraits = supertraits.iter();
    let attrs = &item.attrs;
    let (parameters, where_clause) = (&item.generics, &item.generics.where_clause);
    // This is an error that validation has reported.
    let named_into_endpoint = item.members.iter().any(
        |member| matches!(member, Member::Method(method) if method.sig.ident == "into_endpoint"),
    );
    let members = item.members.into_iter().map(member);
    let arguments = arguments(&endpoint.generics);
    let wrapped = emit!(#newtype<#(#arguments,)* Self>);
    let value = match marker(&endpoint.generics) {
        Some(_) => emit!(#newtype(self, ::core::marker::PhantomData)),
        None => emit!(#newtype(self)),
    };
    let generated = self::newtype(endpoint);
    let docs = format!(
        " Wraps the implementation for a server or for [`{client}::in_process`]({client}::in_process).",
        client = names::wire_name(&endpoint.client.ident)
    );
    let into_endpoint = (!named_into_endpoint).then(|| {
        emit! {
            #[doc = #docs]
            fn into_endpoint(self) -> #wrapped
            where
                Self: ::core::marker::Sized,
            {
                #value
            }
        }
    });
    Some(emit! {
        #(#attrs)*
        #vis #unsafety #trait_token #ident #parameters:
            #(#supertraits +)* ::core::marker::Send + ::core::marker::Sync + 'static
        #where_clause
        {
            #(#members)*

            #into_endpoint
        }

        #generated
    })
}

fn newtype(endpoint: &Endpoint) -> TokenStream {
    let EndpointKind::Trait { vis, newtype } = &endpoint.kind else { return TokenStream::new() };
    let (lints, cfgs) = (allow_lints(), &endpoint.cfgs);
    let docs =
        format!(" Endpoint around an implementation of [`{}`].", names::wire_name(&endpoint.name));
    let service = service();
    let mut generics = unbounded(&endpoint.generics);
    let marker = marker(&generics).map(|ty| emit!(::core::marker::PhantomData<#ty>));
    generics.params.push(parse_quote!(#service));
    let (parameters, _, _) = generics.split_for_impl();
    emit! {
        #(#cfgs)*
        #lints
        #[derive(::core::fmt::Debug)]
        #[doc = #docs]
        #vis struct #newtype #parameters(
            /// The implementation.
            pub #service,
            #marker
        );
    }
}

fn member(member: Member) -> TokenStream {
    match member {
        Member::Method(method) => self::method(*method),
        Member::Macro(tokens) | Member::Other(tokens) => tokens,
    }
}

fn method(method: Method) -> TokenStream {
    let Method { attrs, vis, default_token, mut sig, body } = method;
    let attrs = attrs.into_iter().filter(|attr| !is_consumed(&attr.meta));
    for input in &mut sig.inputs {
        let attrs = match input {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(arg) => &mut arg.attrs,
        };
        attrs.retain(|attr| !is_consumed(&attr.meta));
    }
    let Some(asyncness) = sig.asyncness.take() else {
        let body = match body {
            Body::Block(block) => emit!(#block),
            Body::Semi(semi) => emit!(#semi),
        };
        return emit!(#(#attrs)* #vis #default_token #sig #body);
    };
    let output = match &sig.output {
        ReturnType::Default => emit!(()),
        ReturnType::Type(_, ty) => emit!(#ty),
    };
    let future = quote_spanned! { mixed_site_at(asyncness.span())=>
        impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    sig.output = parse_quote!(-> #future);
    let body = match body {
        Body::Block(block) => emit!({ async move #block }),
        Body::Semi(semi) => emit!(#semi),
    };
    emit! {
        #(#attrs)*
        #[allow(clippy::manual_async_fn)]
        #vis #default_token #sig #body
    }
}
