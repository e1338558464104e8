//! The output: the user's item, what is generated from the [`model`](crate::model), and the mistakes.

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
use crate::errors::{Errors, mistake_at};
use crate::model::{Endpoint, Entry, Host};
use crate::names::mixed;
use crate::{strip, validate};

/// `#[endpoint]`. The item comes out whatever is wrong with it, so that an editor keeps completing.
pub(crate) fn endpoint(args: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = EndpointArgs::parse(args, &mut errors);
    let item = errors.ok(syn::parse2::<Item>(tokens.clone()));
    let model = item.as_ref().and_then(|item| validate::endpoint(args, item, &mut errors));
    let user = match (item, &model) {
        (Some(item), Some(model)) => trait_item::expand(item, model).unwrap_or_else(|| {
            let item = strip::item(tokens);
            // `pub` says that a method is remote, also on a type that nobody outside of its crate can name, and
            // arguments are taken by value because they come from outside, whatever is done with them.
            emit! { #[allow(unreachable_pub, clippy::needless_pass_by_value)] #item }
        }),
        _ => strip::item(tokens),
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

/// `#[expected]` that no `#[endpoint]` consumed.
pub(crate) fn misplaced_expected(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let error = mistake_at(
        Span::call_site(),
        "`#[expected]` has no effect here",
        format!("it belongs on a `pub` method in an `impl` block, or on a method in a trait, that has `#[endpoint]`; \
                 there write `#[expected({args})]`"),
    )
    .to_compile_error();
    emit! { #error #item }
}

/// The hidden module that generated code calls.
fn private(endpoint: &Endpoint) -> TokenStream {
    let krate = &endpoint.krate;
    respanned(emit!(#krate::__private), Span::mixed_site())
}

/// The same tokens at another place, all of one hygiene: an expression is nowhere else if its tokens differ in that.
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    tokens.collect()
}

/// What lints may say about the user's code, but not about what is made of it.
fn lints() -> TokenStream {
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

/// The type that implements `Endpoint`, with the generics of that implementation.
fn implementor(endpoint: &Endpoint) -> (TokenStream, Generics) {
    let mut generics = endpoint.generics.clone();
    let self_ty = match &endpoint.host {
        Host::Impl { self_ty } => emit!(#self_ty),
        Host::Trait { newtype, .. } => {
            let service = service();
            let path = trait_path(endpoint);
            let arguments = params::arguments(&generics);
            generics.params.push(parse_quote!(#service: #path));
            emit!(#newtype<#(#arguments,)* #service>)
        }
    };
    // Without it the compiler could not tell that the constants live as long as they must.
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote!(Self: 'static));
    }
    (self_ty, generics)
}

/// The parameter of a trait's newtype.
fn service() -> Ident {
    Ident::new("__RpcService", Span::mixed_site())
}

/// The annotated trait with its own parameters.
fn trait_path(endpoint: &Endpoint) -> Path {
    let name = &endpoint.name;
    let (_, arguments, _) = endpoint.generics.split_for_impl();
    parse_quote!(#name #arguments)
}

/// The user's identifier with the hygiene of the macro, so that lints do not speak twice.
fn local(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(mixed(ident.span()));
    ident
}

/// `__private::function::<Type>()` where the user wrote the type: there the compiler reports what the type lacks.
fn ask(private: &TokenStream, function: &str, ty: &impl ToTokens) -> TokenStream {
    let span = mixed(ty.span());
    // A call begins where its path does.
    let private = respanned(private.clone(), span);
    let function = Ident::new(function, span);
    quote_spanned! { span=> #private::#function::<#ty>() }
}

/// What can be done with an expected error.
fn expectation(entry: &Entry, private: &TokenStream) -> TokenStream {
    ask(private, "expected", &entry.ty)
}

/// A version as a constant expression.
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

/// The `#[cfg]`s of the item together with those of one of its methods.
fn cfgs<'a>(endpoint: &'a Endpoint, method: &'a [Attribute]) -> TokenStream {
    let (outer, inner) = (&endpoint.cfgs, method);
    emit!(#(#outer)* #(#inner)*)
}
