//! Generates the descriptor of the endpoint.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue, Token};

use super::{expected_error, option, version};
use crate::model::{Arg, Endpoint, Execution, Method};
use crate::names;

pub(super) fn expand(endpoint: &Endpoint, private: &TokenStream) -> TokenStream {
    let name = names::wire_name(&endpoint.name);
    let namespaces =
        endpoint.namespaces.iter().map(|name| option(name.as_ref().map(|name| emit!(#name))));
    let version = version(private, endpoint.version);
    let docs = docs(&endpoint.docs);
    let methods = endpoint.methods.iter().map(|method| self::method(method, private));
    emit! {
        &#private::EndpointDescriptor {
            name: #name,
            namespaces: &[#(#namespaces),*],
            version: #version,
            docs: #docs,
            methods: &[#(#methods),*],
        }
    }
}

fn method(method: &Method, private: &TokenStream) -> TokenStream {
    let Method { cfgs, wire, aliases, output, .. } = method;
    let since = option(method.since.map(|since| version(private, since)));
    let docs = docs(&method.docs);
    let deprecated = option(method.deprecated.as_ref().map(note));
    let args = method.args.iter().map(|arg| self::arg(arg, private));
    let rest = option(method.rest.as_ref().map(|rest| rest.wire.to_token_stream()));
    let returns = output.ok();
    let expected = method.expected.iter().flat_map(|expected| &expected.entries);
    let expected = expected.map(|entry| {
        let expected_error = expected_error(entry, private);
        emit!(#expected_error.descriptor())
    });
    let blocking = method.execution == Execution::Blocking;
    emit! {
        #(#cfgs)*
        #private::MethodDescriptor {
            name: #wire,
            aliases: &[#(#aliases),*],
            since: #since,
            docs: #docs,
            deprecated: #deprecated,
            args: &[#(#args),*],
            rest: #rest,
            returns: #private::TypeName::of::<#returns>(),
            expected: &[#(#expected),*],
            blocking: #blocking,
        }
    }
}

fn arg(arg: &Arg, private: &TokenStream) -> TokenStream {
    let Arg { wire, ty, optional, .. } = arg;
    let since = option(arg.since.map(|since| version(private, since)));
    emit! {
        #private::ArgDescriptor {
            name: #wire,
            ty: #private::TypeName::of::<#ty>(),
            optional: #optional,
            since: #since,
        }
    }
}

/// Generates the text of doc comments. The compiler joins expressions that are not literals, such
/// as `include_str!`.
fn docs(attrs: &[Attribute]) -> TokenStream {
    let mut parts: Vec<TokenStream> = Vec::new();
    let mut text = String::new();
    for (line, attr) in attrs.iter().enumerate() {
        let Meta::NameValue(MetaNameValue { value, .. }) = &attr.meta else { continue };
        if line > 0 {
            text.push('\n');
        }
        match value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => {
                let line = line.value();
                text.push_str(line.strip_prefix(' ').unwrap_or(&line));
            }
            computed => {
                let before = std::mem::take(&mut text);
                parts.push(emit!(#before));
                parts.push(computed.to_token_stream());
            }
        }
    }
    if parts.is_empty() {
        return emit!(#text);
    }
    emit!(::core::concat!(#(#parts,)* #text))
}

/// Returns the note of a `#[deprecated]`.
fn note(attr: &Attribute) -> TokenStream {
    let text = |value: &Expr| match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    let note = match &attr.meta {
        Meta::Path(_) => None,
        Meta::NameValue(note) => text(&note.value),
        Meta::List(list) => Punctuated::<MetaNameValue, Token![,]>::parse_terminated
            .parse2(list.tokens.clone())
            .ok()
            .and_then(|settings| {
                let note = settings.iter().find(|setting| setting.path.is_ident("note"))?;
                text(&note.value)
            }),
    };
    note.unwrap_or_default().to_token_stream()
}
