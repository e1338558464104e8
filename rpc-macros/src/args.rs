//! The arguments of the attributes.
//!
//! Every setting of a list is parsed separately, so that an error in one does not hide those in
//! others.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Lit, LitStr, Path, Token, Visibility, bracketed};

use crate::errors::{Errors, error_at, spanned_error};
use crate::version::Version;

/// A value and its tokens.
#[derive(Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) tokens: TokenStream,
}

/// `#[endpoint(…)]`.
#[derive(Default)]
pub(crate) struct EndpointArgs {
    pub(crate) namespace: Option<LitStr>,
    pub(crate) version: Setting<Version>,
    pub(crate) legacy_namespaces: Vec<Namespace>,
    pub(crate) client: Option<ClientName>,
    pub(crate) krate: Option<Path>,
}

/// A setting that other rules depend on. If it is invalid, they are not checked.
#[derive(Copy, Clone, Default)]
pub(crate) enum Setting<T> {
    #[default]
    Missing,
    Invalid,
    Valid(T),
}

/// An entry of `legacy_namespaces`.
pub(crate) enum Namespace {
    Named(LitStr),
    Null(Ident),
}

/// `client = pub(crate) Name`.
pub(crate) struct ClientName {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
}

/// All `#[rpc(…)]` attributes of a method.
#[derive(Default)]
pub(crate) struct MethodArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) blocking: Option<Ident>,
}

/// All `#[rpc(…)]` attributes of an argument.
#[derive(Default)]
pub(crate) struct ArgArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) rest: Option<Ident>,
}

/// An entry of `#[expected(…)]`: a path, and the name after `as`.
pub(crate) struct ExpectedEntry {
    pub(crate) path: Path,
    pub(crate) renamed: Option<Ident>,
}

/// `#[rpc_error(…)]` on an error.
#[derive(Default)]
pub(crate) struct RpcErrorArgs {
    pub(crate) class: Option<LitStr>,
    pub(crate) module: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

impl EndpointArgs {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let allowed = "namespace, version, legacy_namespaces, client, crate";
        each_key(tokens, "endpoint", allowed, errors, |key, input, seen| {
            match key.to_string().as_str() {
                "namespace" => args.namespace = Some(string(key, input, "namespace = \"bank\"")?),
                "version" => {
                    args.version = Setting::Invalid;
                    args.version = Setting::Valid(version(key, input)?);
                }
                "legacy_namespaces" => args.legacy_namespaces = namespaces(key, input)?,
                "client" => args.client = Some(client(key, input)?),
                "crate" => args.krate = Some(crate_path(key, input)?),
                _ => return Ok(false),
            }
            once(key, seen)
        });
        args
    }
}

impl MethodArgs {
    /// Adds the settings of an `#[rpc(…)]` attribute.
    pub(crate) fn add(&mut self, attr: &Attribute, errors: &mut Errors) {
        let Some(tokens) = list(attr, "rpc(name = \"wire_name\")", errors) else { return };
        let mut name = self.name.take();
        let mut blocking = self.blocking.take();
        let aliases = &mut self.aliases;
        each_key(tokens, "rpc", "name, alias, blocking", errors, |key, input, _| {
            match key.to_string().as_str() {
                "name" => set(&mut name, key, string(key, input, "name = \"wire_name\"")?)?,
                "alias" => aliases.push(string(key, input, "alias = \"old_name\"")?),
                "blocking" => set(&mut blocking, key, key.clone())?,
                _ => return Ok(false),
            }
            Ok(true)
        });
        (self.name, self.blocking) = (name, blocking);
    }
}

impl ArgArgs {
    /// Adds the settings of an `#[rpc(…)]` attribute.
    pub(crate) fn add(&mut self, attr: &Attribute, errors: &mut Errors) {
        let Some(tokens) = list(attr, "rpc(name = \"wire_name\")", errors) else { return };
        let mut name = self.name.take();
        let mut rest = self.rest.take();
        each_key(tokens, "rpc", "name, rest", errors, |key, input, _| {
            match key.to_string().as_str() {
                "name" => set(&mut name, key, string(key, input, "name = \"wire_name\"")?)?,
                "rest" => set(&mut rest, key, key.clone())?,
                _ => return Ok(false),
            }
            Ok(true)
        });
        (self.name, self.rest) = (name, rest);
    }
}

impl RpcErrorArgs {
    /// Adds the settings of an `#[rpc_error(…)]` attribute.
    pub(crate) fn add(&mut self, attr: &Attribute, errors: &mut Errors) {
        let Some(tokens) = list(attr, "rpc_error(class = \"NotFound\")", errors) else { return };
        each_key(tokens, "rpc_error", "class, module, crate", errors, |key, input, _| {
            match key.to_string().as_str() {
                "class" => set(&mut self.class, key, string(key, input, "class = \"NotFound\"")?)?,
                "module" => {
                    set(&mut self.module, key, string(key, input, "module = \"bank.errors\"")?)?;
                }
                "crate" => set(&mut self.krate, key, crate_path(key, input)?)?,
                _ => return Ok(false),
            }
            Ok(true)
        });
    }
}

/// Parses the version in `#[since("1.1")]`.
pub(crate) fn since(attr: &Attribute, errors: &mut Errors) -> Option<Spanned<Version>> {
    let tokens = list(attr, "since(\"1.1\")", errors)?;
    if tokens.is_empty() {
        let help = r#"write the version that added it: `#[since("1.1")]`"#;
        errors.push(attr, "`#[since]` names no version", help);
        return None;
    }
    let lit = errors.ok((|input: ParseStream<'_>| input.parse::<Lit>()).parse2(tokens))?;
    let value = errors.ok(Version::from_lit(&lit))?;
    Some(Spanned { value, tokens: lit.into_token_stream() })
}

/// Parses the entries of `#[expected(…)]`.
pub(crate) fn expected(attr: &Attribute, errors: &mut Errors) -> Option<Vec<ExpectedEntry>> {
    let example = "expected(NotFound, LedgerError::Closed)";
    let tokens = list(attr, example, errors)?;
    let entries = Punctuated::<ExpectedEntry, Token![,]>::parse_terminated;
    let entries = errors.ok(entries.parse2(tokens))?;
    if entries.is_empty() {
        let help = format!("name error types or variants, `#[{example}]`, or remove the attribute");
        errors.push(attr, "`#[expected]` names no error", help);
        return None;
    }
    Some(entries.into_iter().collect())
}

impl Parse for ExpectedEntry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let help = "name error types or variants, such as `NotFound`, `LedgerError::Closed` or \
                      `db::NotFound as MissingRow`";
        if !(input.peek(Ident::peek_any) || input.peek(Token![::])) {
            let tree: TokenTree = input.parse()?;
            return Err(spanned_error(tree, "expected the path of an error", help));
        }
        let path: Path = input.parse()?;
        let renamed = match input.parse::<Option<Token![as]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        if !input.is_empty() && !input.peek(Token![,]) {
            let tree: TokenTree = input.parse()?;
            return Err(spanned_error(tree, "unexpected token after the path of an error", help));
        }
        Ok(Self { path, renamed })
    }
}

/// Returns the tokens between the parentheses of an attribute.
fn list(attr: &Attribute, example: &str, errors: &mut Errors) -> Option<TokenStream> {
    match attr.meta.require_list() {
        Ok(list) => Some(list.tokens.clone()),
        Err(_) => {
            let name = example.split('(').next().unwrap_or(example);
            let help = format!("write `#[{example}]`");
            errors.push(attr, format!("`#[{name}]` requires arguments in parentheses"), help);
            None
        }
    }
}

/// Parses `key, key = value, …`. `read` returns whether it knows the key.
fn each_key(
    tokens: TokenStream,
    attribute: &str,
    allowed: &str,
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>, &mut Vec<String>) -> syn::Result<bool>,
) {
    let mut seen = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = one_key(input, attribute, allowed, &mut seen, &mut read) {
                errors.extend(error);
                skip_to_comma(input)?;
            }
            let _: Option<Token![,]> = input.parse()?;
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        errors.extend(error);
    }
}

fn one_key(
    input: ParseStream<'_>,
    attribute: &str,
    allowed: &str,
    seen: &mut Vec<String>,
    read: &mut impl FnMut(&Ident, ParseStream<'_>, &mut Vec<String>) -> syn::Result<bool>,
) -> syn::Result<()> {
    let help = format!("`#[{attribute}(…)]` takes: {allowed}");
    if !input.peek(Ident::peek_any) {
        let tree: TokenTree = input.parse()?;
        return Err(spanned_error(tree, "expected the name of a setting", help));
    }
    let key = input.call(Ident::parse_any)?;
    if !read(&key, input, seen)? {
        return Err(spanned_error(
            &key,
            format!("`{key}` is not a setting of `#[{attribute}]`"),
            help,
        ));
    }
    if !input.is_empty() && !input.peek(Token![,]) {
        let tree: TokenTree = input.parse()?;
        return Err(spanned_error(
            tree,
            format!("unexpected token after `{key}`"),
            "separate settings with commas",
        ));
    }
    Ok(())
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _: TokenTree = input.parse()?;
    }
    Ok(())
}

fn once(key: &Ident, seen: &mut Vec<String>) -> syn::Result<bool> {
    let name = key.to_string();
    if seen.contains(&name) {
        return Err(twice(key));
    }
    seen.push(name);
    Ok(true)
}

fn set<T>(slot: &mut Option<T>, key: &Ident, value: T) -> syn::Result<()> {
    if slot.replace(value).is_some() { Err(twice(key)) } else { Ok(()) }
}

fn twice(key: &Ident) -> syn::Error {
    spanned_error(key, format!("`{key}` is given twice"), "keep one of them")
}

fn equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        let _: Token![=] = input.parse()?;
        return Ok(());
    }
    Err(spanned_error(key, format!("`{key}` has no value"), format!("write `{example}`")))
}

fn string(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<LitStr> {
    equals(key, input, example)?;
    if input.peek(LitStr) {
        return input.parse();
    }
    match input.parse::<TokenTree>() {
        Ok(tree) => Err(spanned_error(tree, "expected a string", format!("write `{example}`"))),
        Err(error) => {
            Err(error_at(error.span(), "expected a string", format!("write `{example}`")))
        }
    }
}

fn version(key: &Ident, input: ParseStream<'_>) -> syn::Result<Version> {
    equals(key, input, "version = \"1.0\"")?;
    Version::from_lit(&input.parse()?)
}

fn namespaces(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Namespace>> {
    let example = "legacy_namespaces = [\"old\", None]";
    equals(key, input, example)?;
    if !input.peek(syn::token::Bracket) {
        let what = "expected a list";
        return Err(error_at(input.span(), what, format!("write `{example}`")));
    }
    let content;
    bracketed!(content in input);
    let list = Punctuated::<Namespace, Token![,]>::parse_terminated(&content)?;
    Ok(list.into_iter().collect())
}

impl Parse for Namespace {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            return input.parse().map(Self::Named);
        }
        let tree: TokenTree = input.parse()?;
        match tree {
            TokenTree::Ident(ident) if ident == "None" => Ok(Self::Null(ident)),
            other => Err(spanned_error(
                other,
                "expected a namespace",
                "write a string, or `None` for the null namespace",
            )),
        }
    }
}

fn client(key: &Ident, input: ParseStream<'_>) -> syn::Result<ClientName> {
    equals(key, input, "client = LedgerClient")?;
    let vis = match input.parse()? {
        Visibility::Inherited => syn::parse_quote!(pub),
        written => written,
    };
    match input.parse::<Ident>() {
        Ok(ident) => Ok(ClientName { vis, ident }),
        Err(error) => Err(error_at(
            error.span(),
            "expected the name of the client",
            "write `client = LedgerClient`, or `client = pub(crate) LedgerClient`",
        )),
    }
}

fn crate_path(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    equals(key, input, "crate = ::rpc_core")?;
    let path = input.call(Path::parse_mod_style).map_err(|error| {
        error_at(error.span(), "expected the path of a crate", "write `crate = ::rpc_core`")
    })?;
    let in_crate = path.segments.first().is_some_and(|first| first.ident == "crate");
    if path.leading_colon.is_none() && !in_crate {
        let written = path.to_token_stream().to_string().replace(' ', "");
        return Err(spanned_error(
            &path,
            "this path means something else in every module",
            format!("write `crate = ::{written}`, or a path that begins with `crate`"),
        ));
    }
    Ok(path)
}
