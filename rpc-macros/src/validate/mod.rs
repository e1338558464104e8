//! All rules: an annotated item and its arguments become a [`model`](crate::model), or mistakes.
//!
//! Every section is checked, whatever is wrong with the others. What has a mistake is left out of the model or takes
//! its default there, so that expansion never sees it.

mod attrs;
mod expected;
mod generics;
mod method;
mod signature;
mod types;

use syn::{Attribute, Ident, LitStr, Path, Type};

use crate::args::{EndpointArgs, Given, Namespace};
use crate::ast::{Impl, Item, ItemKind, Member, Method as Source, Trait};
use crate::errors::Errors;
use crate::model::{Client, Endpoint, Host, Method};
use crate::names;
use crate::version::Version;

/// What the rules for one method need to know about its surroundings.
struct Scope<'a> {
    krate: Path,
    name: &'a Ident,
    version: Given<Version>,
    in_trait: bool,
    generics: &'a syn::Generics,
}

impl Scope<'_> {
    /// The endpoint's version, or what stands for it.
    fn version(&self) -> Version {
        match self.version {
            Given::Yes(version) => version,
            Given::No | Given::Wrong => Version::V1_0,
        }
    }
}

/// Checks everything; `None` where nothing can be generated for the item.
pub(crate) fn endpoint(args: EndpointArgs, item: &Item, errors: &mut Errors) -> Option<Endpoint> {
    let namespaces = namespaces(&args, errors);
    let (name, host) = match &item.kind {
        ItemKind::Impl(block) => impl_host(block, errors)?,
        ItemKind::Trait(definition) => trait_host(definition, errors)?,
    };
    let scope = Scope {
        krate: args.krate.unwrap_or_else(|| syn::parse_quote!(::rpc_core)),
        name: &name,
        version: args.version,
        in_trait: matches!(host, Host::Trait { .. }),
        generics: &item.generics,
    };
    let (methods, broken) = methods(item, &scope, errors);
    unique_names(&methods, errors);
    let generics = generics::of_client(
        &item.generics,
        methods.iter().chain(&broken).map(|method| &method.model),
    );
    let client = match args.client {
        Some(client) => Client { vis: client.vis, ident: client.ident, generics },
        None => {
            let vis = match &host {
                Host::Impl { .. } => syn::parse_quote!(pub),
                Host::Trait { vis, .. } => vis.clone(),
            };
            Client {
                vis,
                ident: names::generated(&format!("{}Client", names::wire(&name)), &name),
                generics,
            }
        }
    };
    let model =
        |methods: Vec<Checked<'_>>| methods.into_iter().map(|method| method.model).collect();
    let version = scope.version();
    Some(Endpoint {
        krate: scope.krate,
        cfgs: attrs::cfgs(&item.attrs),
        docs: attrs::docs(&item.attrs),
        host,
        namespaces,
        version,
        client,
        generics: item.generics.clone(),
        methods: model(methods),
        broken: model(broken),
        name,
    })
}

/// A method of the model beside its source, where later mistakes are located.
struct Checked<'a> {
    model: Method,
    wire_at: method::WireNames,
    source: &'a Source,
}

fn methods<'a>(
    item: &'a Item,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> (Vec<Checked<'a>>, Vec<Checked<'a>>) {
    let (mut good, mut broken) = (Vec::new(), Vec::new());
    let mut remote = false;
    for member in &item.members {
        let source = match member {
            Member::Method(source) => source,
            Member::Macro(tokens) => {
                errors.push(
                    tokens,
                    "`#[endpoint]` cannot see the methods that a macro makes",
                    "write them out, or call the macro in an `impl` block of its own, where nothing is remote",
                );
                // Whether the macro would have made remote methods is not known.
                remote = true;
                continue;
            }
            Member::Other(_) => continue,
        };
        if !attrs::is_remote(source, scope.in_trait, errors) {
            continue;
        }
        remote = true;
        let mark = errors.mark();
        let checked = method::check(source, scope, errors);
        let clean = errors.clean_since(mark);
        if let Some((model, wire_at)) = checked {
            let checked = Checked { model, wire_at, source };
            if clean { &mut good } else { &mut broken }.push(checked);
        }
    }
    if !remote {
        nothing_remote(item, errors);
    }
    (good, broken)
}

fn nothing_remote(item: &Item, errors: &mut Errors) {
    match &item.kind {
        ItemKind::Impl(block) => errors.push(
            block.impl_token,
            "this `impl` has no `pub fn`, so nothing in it can be called from outside",
            "write `pub` before the methods that clients may call, or remove `#[endpoint]`",
        ),
        ItemKind::Trait(definition) => errors.push(
            definition.trait_token,
            "this trait has no remote method",
            "add one (all methods are remote but those marked `#[local]`), or remove `#[endpoint]`",
        ),
    }
}

fn impl_host(block: &Impl, errors: &mut Errors) -> Option<(Ident, Host)> {
    if let Some(trait_) = &block.trait_ {
        errors.push(
            trait_,
            "`#[endpoint]` on an `impl` of a trait: the trait itself is what clients know",
            "put it on the definition of the trait, or on an `impl` block without `for`",
        );
        return None;
    }
    let name = match types::peel(&block.self_ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    };
    let Some(name) = name else {
        errors.push(
            &block.self_ty,
            "an endpoint is a named type: the client is called after it",
            "write the `impl` block for a `struct` or an `enum`",
        );
        return None;
    };
    Some((name.ident.clone(), Host::Impl { self_ty: Box::new(block.self_ty.clone()) }))
}

fn trait_host(definition: &Trait, errors: &mut Errors) -> Option<(Ident, Host)> {
    if let Some(unsafety) = &definition.unsafety {
        errors.push(
            unsafety,
            "an unsafe trait cannot be an endpoint: nobody could vouch for the calls from outside",
            "remove `unsafe`",
        );
        return None;
    }
    let name = &definition.ident;
    let newtype = names::generated(&format!("{}Endpoint", names::wire(name)), name);
    Some((name.clone(), Host::Trait { vis: definition.vis.clone(), newtype }))
}

/// The own namespace, then the legacy ones.
fn namespaces(args: &EndpointArgs, errors: &mut Errors) -> Vec<Option<String>> {
    let own = args.namespace.as_ref().map(LitStr::value);
    if let Some(namespace) = &args.namespace {
        names::check(namespace, "namespace", errors);
    }
    let mut all = vec![own];
    for legacy in &args.legacy_namespaces {
        let (name, what) = match legacy {
            Namespace::Named(name) => {
                names::check(name, "namespace", errors);
                (Some(name.value()), format!("the namespace `{}`", name.value()))
            }
            Namespace::Null(_) => (None, "the null namespace".to_owned()),
        };
        if all.contains(&name) {
            let problem = format!("{what} already reaches this endpoint");
            let advice = match name {
                None if args.namespace.is_none() => {
                    "remove it: an endpoint without `namespace` is in the null namespace"
                }
                _ => "name each namespace once",
            };
            match legacy {
                Namespace::Named(lit) => errors.push(lit, problem, advice),
                Namespace::Null(ident) => errors.push(ident, problem, advice),
            }
            continue;
        }
        all.push(name);
    }
    all
}

/// Refuses a wire name or alias that reaches two methods. Where `#[cfg]` is involved both may never meet; the registry
/// has the last word there.
fn unique_names(methods: &[Checked<'_>], errors: &mut Errors) {
    let mut taken: Vec<(&str, &Ident)> = Vec::new();
    for Checked { model, wire_at, source } in methods {
        if !model.cfgs.is_empty() {
            continue;
        }
        let names = wire_at.spanned(model);
        for (name, at) in names {
            let Some((_, other)) = taken.iter().find(|(known, _)| *known == name) else {
                taken.push((name, &source.sig.ident));
                continue;
            };
            let problem = match *other == &source.sig.ident {
                true => format!("`{name}` already reaches this method"),
                false => format!("`{name}` already reaches the method `{other}`"),
            };
            errors.push(at, problem, "give every name to one method, and once");
        }
    }
}

/// The last attribute of the given name.
fn find<'a>(attrs: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attrs.iter().rfind(|attr| attr.path().is_ident(name))
}
