//! Generates the output: the user's item, the code for the [`model`](crate::model), and the errors.

mod client;
mod descriptor;
mod dispatch;
mod expected;
mod fallback;
mod params;
#[cfg(test)]
mod tests;
mod trait_item;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Generics, Ident, Path, parse_quote};

use crate::args::EndpointArgs;
use crate::ast::Item;
use crate::errors::{Errors, error_at};
use crate::model::{Endpoint, EndpointKind, Entry};
use crate::names::mixed_site_at;
use crate::strip::strip_item;
use crate::validate;

/// Expands `#[endpoint]`. The item is emitted even if it has errors, so that an editor's completion
/// keeps working.
pub(crate) fn endpoint(args: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = EndpointArgs::parse(args, &mut errors);
    let item = errors.ok(syn::parse2::<Item>(tokens.clone()));
    let model = item.as_ref().and_then(|item| validate::endpoint(args, item, &mut errors));
    let user = match (item, &model) {
        (Some(item), Some(model)) => trait_item::expand(item, model).unwrap_or_else(|| {
            let item = strip_item(tokens);
            // `pub` marks remote methods, even on a type that is private to its crate. Arguments
            // are passed by value, because they are decoded from a message.
            emit! { #[allow(unreachable_pub, clippy::needless_pass_by_value)] #item }
        }),
        _ => strip_item(tokens),
    };
    let generated = model.as_ref().map(generate);
    let errors = errors.into_tokens();
    emit! { #user #generated #errors }
}

fn generate(endpoint: &Endpoint) -> TokenStream {
    let dispatch = dispatch::expand(endpoint);
    let client = client::expand(endpoint);
    let expected = expected::expand(endpoint);
    emit! { #dispatch #client #expected }
}

/// Expands an `#[expected]` that no `#[endpoint]` has consumed into an error.
pub(crate) fn misplaced_expected(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let error = error_at(
        Span::call_site(),
        "`#[expected]` has no effect here",
        format!("write `#[expected({args})]` on a `pub` method of an `impl` block, or on a method of a trait, that has `#[endpoint]`"),
    )
    .to_compile_error();
    emit! { #error #item }
}

/// Returns the path of the hidden module that generated code uses.
fn private(endpoint: &Endpoint) -> TokenStream {
    let krate = &endpoint.krate;
    respanned(emit!(#krate::__private), Span::mixed_site())
}

/// Sets the span of all tokens. An expression has the location of `span` only if all its tokens
/// have the same hygiene.
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    tokens.collect()
}

/// Generates an `#[allow]` for lints that concern the user's code but not generated items.
fn allow_lints() -> TokenStream {
    emit! {
        #[allow(
            dead_code,
            deprecated,
            private_bounds,
            private_interfaces,
            unreachable_pub,
            unused_qualifications,
            rustdoc::broken_intra_doc_links,
            rustdoc::private_intra_doc_links,
            clippy::too_many_arguments,
            clippy::type_complexity
        )]
    }
}

/// Returns the type that implements `Endpoint`, and the generics of the implementation.
fn implementor(endpoint: &Endpoint) -> (TokenStream, Generics) {
    let mut generics = endpoint.generics.clone();
    let self_ty = match &endpoint.kind {
        EndpointKind::Impl { self_ty } => emit!(#self_ty),
        EndpointKind::Trait { newtype, .. } => {
            let service = service();
            let path = trait_path(endpoint);
            let arguments = params::arguments(&generics);
            generics.params.push(parse_quote!(#service: #path));
            emit!(#newtype<#(#arguments,)* #service>)
        }
    };
    // The associated constants must be `'static`.
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote!(Self: 'static));
    }
    (self_ty, generics)
}

/// Returns the type parameter of the newtype of a trait.
fn service() -> Ident {
    Ident::new("__RpcService", Span::mixed_site())
}

/// Returns the path of the annotated trait with its parameters.
fn trait_path(endpoint: &Endpoint) -> Path {
    let name = &endpoint.name;
    let (_, arguments, _) = endpoint.generics.split_for_impl();
    parse_quote!(#name #arguments)
}

/// Returns the user's identifier with the hygiene of the macro, so that lints do not report it
/// twice.
fn hygienic(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(mixed_site_at(ident.span()));
    ident
}

/// Generates `__private::function::<Type>()` with the span of the type, where the compiler then
/// reports unsatisfied bounds.
fn spanned_call(private: &TokenStream, function: &str, ty: &impl ToTokens) -> TokenStream {
    let span = mixed_site_at(ty.span());
    // A call begins where its path does.
    let private = respanned(private.clone(), span);
    let function = Ident::new(function, span);
    quote_spanned! { span=> #private::#function::<#ty>() }
}

/// Generates the call that returns the operations on an expected error.
fn expected_error(entry: &Entry, private: &TokenStream) -> TokenStream {
    spanned_call(private, "expected_error", &entry.ty)
}

/// Generates a version as a constant expression.
fn version(private: &TokenStream, version: crate::version::Version) -> TokenStream {
    let crate::version::Version { major, minor, revision } = version;
    match revision {
        0 => emit!(#private::Version::new(#major, #minor)),
        _ => emit!(#private::Version::new(#major, #minor).with_revision(#revision)),
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => emit!(::core::option::Option::Some(#value)),
        None => emit!(::core::option::Option::None),
    }
}

/// Returns the `#[cfg]`s of the item and of one of its methods.
fn cfgs<'a>(endpoint: &'a Endpoint, method: &'a [Attribute]) -> TokenStream {
    let (outer, inner) = (&endpoint.cfgs, method);
    emit!(#(#outer)* #(#inner)*)
}
