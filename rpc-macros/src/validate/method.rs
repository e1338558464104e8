//! Checks a remote method.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, LitStr, ReturnType, Type};

use super::signature::{self, Args};
use super::{Scope, attrs, expected, find, types};
use crate::args::{self, MethodArgs, Setting, Spanned};
use crate::ast::Method as Source;
use crate::endpoint_attrs::endpoint_attr_name;
use crate::errors::Errors;
use crate::model::{Execution, Method, Output};
use crate::names;
use crate::version::Version;

/// The names of the other methods of the typed client, and of the traits it implements.
const RESERVED: [&str; 6] = ["new", "in_process", "rpc", "prepare", "from", "clone"];

/// The tokens of the wire names of a method.
pub(super) struct WireNames {
    name: TokenStream,
    aliases: Vec<LitStr>,
}

impl WireNames {
    /// Returns each wire name of the method and the tokens to point at.
    pub(super) fn spanned<'a>(&self, method: &'a Method) -> Vec<(&'a str, TokenStream)> {
        let aliases = self.aliases.iter().map(ToTokens::to_token_stream);
        let aliases = method.aliases.iter().map(String::as_str).zip(aliases);
        std::iter::once((method.wire.as_str(), self.name.clone())).chain(aliases).collect()
    }
}

/// Checks the method. Returns `None` if not even its client method can be generated.
pub(super) fn check(
    source: &Source,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<(Method, WireNames)> {
    let attrs = EndpointAttrs::read(&source.attrs, errors);
    let sig = &source.sig;
    signature::qualifiers(source, errors);
    // A function without a receiver, such as a constructor: no caller expects it on the client.
    let receiver = signature::receiver(sig, scope, errors)?;
    let reserved = reserved(source, scope, errors);
    let since = attrs.since.and_then(|since| check_since(since, scope, errors));
    let args = signature::args(sig, since.unwrap_or(scope.version().first()), scope, errors);
    let execution = execution(source, &attrs.rpc, errors);
    let output = output(&sig.output, scope, errors);
    let expected = expected::check(&attrs.expected, &sig.ident, scope, errors);
    fallible_if_expected(&attrs.expected, source, &output, errors);

    let wire_name = attrs.rpc.name.as_ref();
    let wire = wire_name.map_or_else(|| names::wire_name(&sig.ident), LitStr::value);
    let wire_at = WireNames {
        name: wire_name.map_or_else(|| sig.ident.to_token_stream(), ToTokens::to_token_stream),
        aliases: attrs.rpc.aliases,
    };
    for name in wire_name.into_iter().chain(&wire_at.aliases) {
        names::check_name(name, "wire name", errors);
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
        execution,
        args,
        rest,
        output,
        expected,
    };
    (!reserved).then_some((method, wire_at))
}

/// The endpoint attributes of a method.
struct EndpointAttrs<'a> {
    rpc: MethodArgs,
    since: Option<Spanned<Version>>,
    expected: Vec<&'a Attribute>,
}

impl<'a> EndpointAttrs<'a> {
    fn read(attrs: &'a [Attribute], errors: &mut Errors) -> Self {
        let mut own = Self { rpc: MethodArgs::default(), since: None, expected: Vec::new() };
        let mut dated = false;
        for attr in attrs {
            match endpoint_attr_name(attr.path()) {
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

/// Checks the version of a `#[since]` against that of the endpoint.
pub(super) fn check_since(
    since: Spanned<Version>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Version> {
    let Spanned { value, tokens } = since;
    let (implemented, given) = match scope.version {
        // Already reported. Without a valid version, nothing can be checked.
        Setting::Invalid => return None,
        Setting::Valid(version) => (version, format!("the endpoint's version is {version}")),
        Setting::Missing => {
            (Version::V1_0, "the endpoint has no `version`, so it is 1.0".to_owned())
        }
    };
    if value.major != implemented.major && matches!(scope.version, Setting::Valid(_)) {
        let help = format!("write a version from {} to {implemented}", implemented.first());
        errors.push(tokens, format!("{value} has another major version: {given}"), help);
        return None;
    }
    if value > implemented || value.major != implemented.major {
        let help =
            format!("write `version = \"{value}\"` in `#[endpoint(…)]`, or an older version here");
        errors.push(tokens, format!("{value} is newer than the endpoint: {given}"), help);
        return None;
    }
    Some(value)
}

/// Returns whether the client has another method with this name.
fn reserved(source: &Source, scope: &Scope<'_>, errors: &mut Errors) -> bool {
    let ident = &source.sig.ident;
    let name = names::wire_name(ident);
    let reserved = RESERVED.contains(&name.as_str()) || (scope.in_trait && name == "into_endpoint");
    if reserved {
        let owner = if name == "into_endpoint" { "trait" } else { "client" };
        let problem =
            format!("`{name}` is the name of a method that the macro generates on the {owner}");
        let help = format!("rename the method; `#[rpc(name = \"{name}\")]` keeps the wire name");
        errors.push(ident, problem, help);
    }
    reserved
}

fn execution(source: &Source, rpc: &MethodArgs, errors: &mut Errors) -> Execution {
    let Some(blocking) = &rpc.blocking else {
        return if source.sig.asyncness.is_some() { Execution::Async } else { Execution::Sync };
    };
    if source.sig.asyncness.is_some() {
        errors.push(
            blocking,
            "an `async fn` cannot be `blocking`",
            "remove `async`, or remove `blocking`",
        );
        return Execution::Async;
    }
    Execution::Blocking
}

fn output(output: &ReturnType, scope: &Scope<'_>, errors: &mut Errors) -> Output {
    let unit = || syn::parse_quote!(());
    let ReturnType::Type(_, ty) = output else { return Output::Plain(Box::new(unit())) };
    let checked = |ty: &Type, errors: &mut Errors| {
        if types::check_client_type(ty, "a result", errors) { ty.clone() } else { unit() }
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
            format!("`{name}` returns `{ty}`, which is not written as `Result<…>`")
        }
    };
    errors.push(attr, problem, "return a `Result`, or remove `#[expected]`");
}
