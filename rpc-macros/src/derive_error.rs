//! `#[derive(RpcError)]`: the wire name of an error, and the errors in its fields.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Ident, LitStr, Member, Path, parse_quote};

use crate::args::RpcErrorArgs;
use crate::errors::Errors;
use crate::names::{self, mixed_site_at};

pub(crate) fn derive(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some(input) = errors.ok(syn::parse2::<DeriveInput>(tokens)) else {
        return errors.into_tokens();
    };
    let args = arguments(&input.attrs, &mut errors);
    if let Data::Union(union_) = &input.data {
        errors.push(
            union_.union_token,
            "a union cannot be an error",
            "write an `enum` or a `struct`",
        );
        return errors.into_tokens();
    }
    misplaced(&input.data, &mut errors);
    let implementation = expand(&input, &args);
    let errors = errors.into_tokens();
    emit! { #implementation #errors }
}

fn arguments(attrs: &[Attribute], errors: &mut Errors) -> RpcErrorArgs {
    let mut args = RpcErrorArgs::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("rpc_error")) {
        args.add(attr, errors);
    }
    for (name, what) in [(&args.class, "class"), (&args.module, "module")] {
        if let Some(name) = name {
            names::check_name(name, what, errors);
        }
    }
    args
}

/// Rejects `#[rpc_error]` on variants and fields. It names the whole type. The encoded value
/// identifies the variant.
fn misplaced(data: &Data, errors: &mut Errors) {
    let mut check = |attrs: &[Attribute]| {
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("rpc_error")) {
            let problem = "`#[rpc_error]` names the whole type";
            errors.push(attr, problem, "put it on the `enum` or the `struct`, or remove it");
        }
    };
    match data {
        Data::Struct(data) => data.fields.iter().for_each(|field| check(&field.attrs)),
        Data::Enum(data) => data.variants.iter().for_each(|variant| {
            check(&variant.attrs);
            variant.fields.iter().for_each(|field| check(&field.attrs));
        }),
        Data::Union(_) => {}
    }
}

fn expand(input: &DeriveInput, args: &RpcErrorArgs) -> TokenStream {
    let krate: Path = args.krate.clone().unwrap_or_else(|| parse_quote!(::rpc_core));
    let private = quote_spanned!(Span::mixed_site()=> #krate::__private);
    let ident = &input.ident;
    let class = args.class.as_ref().map_or_else(|| names::wire_name(ident), LitStr::value);
    let module = args.module.as_ref().map(|module| {
        emit! {
            const MODULE: ::core::option::Option<&'static str> =
                ::core::option::Option::Some(#module);
        }
    });
    let visit_sources = visit_sources(&input.data, &private);
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote! {
            Self: ::core::error::Error + ::core::marker::Send + ::core::marker::Sync + 'static
        });
    }
    let (impl_generics, arguments, where_clause) = generics.split_for_impl();
    emit! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #private::RpcError for #ident #arguments #where_clause {
            const CLASS: &'static str = #class;
            #module
            #visit_sources
        }
    }
}

/// Generates `RpcError::visit_sources`, which visits the source fields one after the other.
fn visit_sources(data: &Data, private: &TokenStream) -> Option<TokenStream> {
    let arms: Vec<TokenStream> = match data {
        Data::Struct(data) => arm(&emit!(Self), &data.fields).into_iter().collect(),
        Data::Enum(data) => data
            .variants
            .iter()
            .filter_map(|variant| {
                let name = &variant.ident;
                arm(&emit!(Self::#name), &variant.fields)
            })
            .collect(),
        Data::Union(_) => Vec::new(),
    };
    if arms.is_empty() {
        return None;
    }
    Some(emit! {
        fn visit_sources<'__rpc_a>(
            &'__rpc_a self,
            __rpc_visit: &mut dyn ::core::ops::FnMut(
                &'__rpc_a (dyn ::core::error::Error + 'static),
            ) -> ::core::ops::ControlFlow<()>,
        ) -> ::core::ops::ControlFlow<()> {
            use #private::{
                ViaAsRef as _, ViaError as _, ViaNothing as _, ViaPointer as _, ViaRpcError as _,
                ViaRpcErrorPointer as _,
            };
            use #private::ErrorProbe as __RpcProbe;
            match self {
                #(#arms)*
                #[allow(unreachable_patterns)]
                _ => {}
            }
            ::core::ops::ControlFlow::Continue(())
        }
    })
}

/// Generates a match arm that visits the source fields. Returns `None` if there are none.
fn arm(path: &TokenStream, fields: &Fields) -> Option<TokenStream> {
    let sources: Vec<(Member, &Field)> =
        fields.members().zip(fields).filter(|(_, field)| is_source(field)).collect();
    if sources.is_empty() {
        return None;
    }
    let source =
        |position: usize| Ident::new(&format!("__rpc_source{position}"), Span::mixed_site());
    let bindings = sources.iter().enumerate().map(|(position, (member, _))| {
        let source = source(position);
        emit!(#member: #source)
    });
    let visits =
        sources.iter().enumerate().map(|(position, (_, field))| visit(&source(position), field));
    Some(emit!(#path { #(#bindings,)* .. } => { #(#visits)* }))
}

fn visit(source: &Ident, field: &Field) -> TokenStream {
    // The compiler reports at the span of the type that it is not an error.
    let method_error = quote_spanned! { mixed_site_at(field.ty.span())=> (&&&&&&__RpcProbe(#source)).method_error() };
    let visit = emit!(#method_error.visit(__rpc_visit)?;);
    let optional = match &field.ty {
        syn::Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| last.ident == "Option")
        }
        _ => false,
    };
    match optional {
        true => emit!(if let ::core::option::Option::Some(#source) = #source { #visit }),
        false => visit,
    }
}

/// Returns whether the field is a source. The rules are those of `thiserror`.
fn is_source(field: &Field) -> bool {
    let marked = |attr: &Attribute| attr.path().is_ident("from") || attr.path().is_ident("source");
    field.attrs.iter().any(marked) || field.ident.as_ref().is_some_and(|ident| ident == "source")
}
