//! One remote method.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, LitStr, ReturnType, Type};

use super::signature::{self, Args};
use super::{Scope, attrs, expected, find, types};
use crate::args::{self, Given, MethodArgs, Spanned};
use crate::ast::Method as Source;
use crate::errors::Errors;
use crate::model::{Flavour, Method, Output};
use crate::names;
use crate::strip;
use crate::version::Version;

/// What the typed client calls its own: its constructors, and the traits it implements.
const RESERVED: [&str; 6] = ["new", "in_process", "rpc", "prepare", "from", "clone"];

/// Where the wire names of a method were written.
pub(super) struct WireNames {
    name: TokenStream,
    aliases: Vec<LitStr>,
}

impl WireNames {
    /// Each name that reaches the method, and the tokens to point at.
    pub(super) fn spanned<'a>(&self, method: &'a Method) -> Vec<(&'a str, TokenStream)> {
        let aliases = self.aliases.iter().map(ToTokens::to_token_stream);
        let aliases = method.aliases.iter().map(String::as_str).zip(aliases);
        std::iter::once((method.wire.as_str(), self.name.clone())).chain(aliases).collect()
    }
}

/// Checks everything about the method; `None` where not even its client can be told.
pub(super) fn check(
    source: &Source,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<(Method, WireNames)> {
    let own = Own::read(&source.attrs, errors);
    let sig = &source.sig;
    signature::qualifiers(source, errors);
    // Without a receiver it is a constructor or the like: no caller looks for it on the client.
    let receiver = signature::receiver(sig, scope, errors)?;
    let reserved = reserved(source, scope, errors);
    let since = own.since.and_then(|since| dated(since, scope, errors));
    let args = signature::args(sig, since.unwrap_or(scope.version().first()), scope, errors);
    let flavour = flavour(source, &own.rpc, errors);
    let output = output(&sig.output, scope, errors);
    let expected = expected::check(&own.expected, &sig.ident, scope, errors);
    fallible_if_expected(&own.expected, source, &output, errors);

    let wire_name = own.rpc.name.as_ref();
    let wire = wire_name.map_or_else(|| names::wire(&sig.ident), LitStr::value);
    let wire_at = WireNames {
        name: wire_name.map_or_else(|| sig.ident.to_token_stream(), ToTokens::to_token_stream),
        aliases: own.rpc.aliases,
    };
    for name in wire_name.into_iter().chain(&wire_at.aliases) {
        names::check(name, "wire name", errors);
    }
    let Args { args, rest } = args;
    let method = Method {
        ident: sig.ident.clone(),
        cfgs: attrs::cfgs(&source.attrs),
        docs: attrs::docs(&source.attrs),
        deprecated: find(&source.attrs, "deprecated").cloned(),
        wire,
        aliases: wire_at.aliases.iter().map(LitStr::value).collect(),
        since,
        receiver,
        flavour,
        args,
        rest,
        output,
        expected,
    };
    (!reserved).then_some((method, wire_at))
}

/// Our attributes on the method.
struct Own<'a> {
    rpc: MethodArgs,
    since: Option<Spanned<Version>>,
    expected: Vec<&'a Attribute>,
}

impl<'a> Own<'a> {
    fn read(attrs: &'a [Attribute], errors: &mut Errors) -> Self {
        let mut own = Self { rpc: MethodArgs::default(), since: None, expected: Vec::new() };
        let mut dated = false;
        for attr in attrs {
            match strip::own_name(attr) {
                Some("rpc") => own.rpc.add(attr, errors),
                Some("since") if std::mem::replace(&mut dated, true) => {
                    errors.push(attr, "`#[since]` is given twice", "keep one of them");
                }
                Some("since") => own.since = args::since(attr, errors),
                Some("expected") => own.expected.push(attr),
                _ => {}
            }
        }
        own
    }
}

/// The version, where the endpoint can have it.
pub(super) fn dated(
    since: Spanned<Version>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Version> {
    let Spanned { value, tokens } = since;
    let (implemented, given) = match scope.version {
        // Already reported, and nothing can be said about dates.
        Given::Wrong => return None,
        Given::Yes(version) => (version, format!("the endpoint's version is {version}")),
        Given::No => (Version::V1_0, "the endpoint names no version, so it is 1.0".to_owned()),
    };
    if value.major != implemented.major && matches!(scope.version, Given::Yes(_)) {
        let advice = format!("name a version from {} to {implemented}", implemented.first());
        errors.push(tokens, format!("{value} has another major version: {given}"), advice);
        return None;
    }
    if value > implemented || value.major != implemented.major {
        let advice =
            format!("write `version = \"{value}\"` in `#[endpoint(…)]`, or an older version here");
        errors.push(tokens, format!("{value} is still to come: {given}"), advice);
        return None;
    }
    Some(value)
}

/// Whether the client has another method of that name, which leaves no place for this one.
fn reserved(source: &Source, scope: &Scope<'_>, errors: &mut Errors) -> bool {
    let ident = &source.sig.ident;
    let name = names::wire(ident);
    let reserved = RESERVED.contains(&name.as_str()) || (scope.in_trait && name == "into_endpoint");
    if reserved {
        let owner = if name == "into_endpoint" { "trait" } else { "client" };
        let problem =
            format!("`{name}` is what a method that the macro gives the {owner} is called");
        let advice = format!(
            "give the method another name; `#[rpc(name = \"{name}\")]` keeps this one on the wire"
        );
        errors.push(ident, problem, advice);
    }
    reserved
}

fn flavour(source: &Source, rpc: &MethodArgs, errors: &mut Errors) -> Flavour {
    let Some(blocking) = &rpc.blocking else {
        return if source.sig.asyncness.is_some() { Flavour::Async } else { Flavour::Sync };
    };
    if source.sig.asyncness.is_some() {
        errors.push(
            blocking,
            "an `async fn` does not block: it gives its thread away at each `.await`",
            "remove `async`, or remove `blocking`",
        );
        return Flavour::Async;
    }
    Flavour::Blocking
}

fn output(output: &ReturnType, scope: &Scope<'_>, errors: &mut Errors) -> Output {
    let unit = || syn::parse_quote!(());
    let ReturnType::Type(_, ty) = output else { return Output::Plain(Box::new(unit())) };
    let checked = |ty: &Type, errors: &mut Errors| {
        if types::check_travels(ty, "a result", errors) { ty.clone() } else { unit() }
    };
    if !types::is_result(ty) {
        return Output::Plain(Box::new(checked(ty, errors)));
    }
    let ok = match types::first_argument(ty) {
        Some(ok) => checked(ok, errors),
        None => {
            let krate = &scope.krate;
            syn::parse_quote!(<#ty as #krate::__private::Fallible>::Ok)
        }
    };
    Output::Fallible { written: ty.clone(), ok: Box::new(ok) }
}

fn fallible_if_expected(
    expected: &[&Attribute],
    source: &Source,
    output: &Output,
    errors: &mut Errors,
) {
    let (Some(attr), Output::Plain(_)) = (expected.first(), output) else { return };
    let name = &source.sig.ident;
    let problem = match &source.sig.output {
        ReturnType::Default => {
            format!("`{name}` returns nothing, so it cannot fail with an expected error")
        }
        ReturnType::Type(_, ty) => {
            let ty = ty.to_token_stream().to_string().replace(' ', "");
            format!("`{name}` returns `{ty}`, which is not spelt `Result<…>`")
        }
    };
    errors.push(attr, problem, "return a `Result`, or remove `#[expected]`");
}
