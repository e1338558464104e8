//! Checks an annotated item and its arguments, and builds the [`model`](crate::model).
//!
//! Every part is checked, even if others have errors. A part with an error is left out of the model
//! or gets its default, so that the expansion never sees it.

mod attrs;
mod expected;
mod generics;
mod method;
mod remote_methods;
mod signature;
mod types;

use syn::{Attribute, Ident, LitStr, Path, Type};

use crate::args::{EndpointArgs, Namespace, Setting};
use crate::ast::{Impl, Item, ItemKind, Member, Method as Source, Trait};
use crate::errors::Errors;
use crate::model::{Client, Endpoint, EndpointKind, Method};
use crate::names;
use crate::version::Version;

/// The properties of the endpoint that the rules for a method depend on.
struct Scope<'a> {
    krate: Path,
    name: &'a Ident,
    version: Setting<Version>,
    in_trait: bool,
    generics: &'a syn::Generics,
}

impl Scope<'_> {
    /// Returns the version of the endpoint, or 1.0 if it is missing or invalid.
    fn version(&self) -> Version {
        match self.version {
            Setting::Valid(version) => version,
            Setting::Missing | Setting::Invalid => Version::V1_0,
        }
    }
}

/// Checks the item. Returns `None` if nothing can be generated for it.
pub(crate) fn endpoint(args: EndpointArgs, item: &Item, errors: &mut Errors) -> Option<Endpoint> {
    let namespaces = namespaces(&args, errors);
    let (name, kind) = match &item.kind {
        ItemKind::Impl(block) => impl_kind(block, errors)?,
        ItemKind::Trait(definition) => trait_kind(definition, errors)?,
    };
    let scope = Scope {
        krate: args.krate.unwrap_or_else(|| syn::parse_quote!(::rpc_core)),
        name: &name,
        version: args.version,
        in_trait: matches!(kind, EndpointKind::Trait { .. }),
        generics: &item.generics,
    };
    let (methods, invalid) = methods(item, &scope, errors);
    unique_names(&methods, errors);
    let generics = generics::of_client(
        &item.generics,
        methods.iter().chain(&invalid).map(|method| &method.model),
    );
    let client = match args.client {
        Some(client) => Client { vis: client.vis, ident: client.ident, generics },
        None => {
            let vis = match &kind {
                EndpointKind::Impl { .. } => syn::parse_quote!(pub),
                EndpointKind::Trait { vis, .. } => vis.clone(),
            };
            Client {
                vis,
                ident: names::generated_ident(&format!("{}Client", names::wire_name(&name)), &name),
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
        kind,
        namespaces,
        version,
        client,
        generics: item.generics.clone(),
        methods: model(methods),
        invalid: model(invalid),
        name,
    })
}

/// A method of the model and its source, which later errors point at.
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
    let (mut good, mut invalid) = (Vec::new(), Vec::new());
    let mut remote = false;
    for member in &item.members {
        let source = match member {
            Member::Method(source) => source,
            Member::Macro(tokens) => {
                errors.push(
                    tokens,
                    "`#[endpoint]` cannot see the methods that a macro generates",
                    "write the methods here, or call the macro in a separate `impl` block, whose methods are not remote",
                );
                // The macro may have generated remote methods.
                remote = true;
                continue;
            }
            Member::Other(_) => continue,
        };
        if !remote_methods::is_remote(source, scope.in_trait, errors) {
            continue;
        }
        remote = true;
        let mark = errors.mark();
        let checked = method::check(source, scope, errors);
        let clean = errors.clean_since(mark);
        if let Some((model, wire_at)) = checked {
            let checked = Checked { model, wire_at, source };
            if clean { &mut good } else { &mut invalid }.push(checked);
        }
    }
    if !remote {
        nothing_remote(item, errors);
    }
    (good, invalid)
}

fn nothing_remote(item: &Item, errors: &mut Errors) {
    match &item.kind {
        ItemKind::Impl(block) => errors.push(
            block.impl_token,
            "this `impl` block has no `pub fn`, so it has no remote method",
            "write `pub` before the methods that clients may call, or remove `#[endpoint]`",
        ),
        ItemKind::Trait(definition) => errors.push(
            definition.trait_token,
            "this trait has no remote method",
            "add one (every method without `#[local]` is remote), or remove `#[endpoint]`",
        ),
    }
}

fn impl_kind(block: &Impl, errors: &mut Errors) -> Option<(Ident, EndpointKind)> {
    if let Some(trait_) = &block.trait_ {
        errors.push(
            trait_,
            "`#[endpoint]` cannot be on an `impl` of a trait",
            "put it on the trait definition, or on an `impl` block without `for`",
        );
        return None;
    }
    let name = match types::ungroup(&block.self_ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    };
    let Some(name) = name else {
        errors.push(
            &block.self_ty,
            "an endpoint must be a named type: the client is named after it",
            "write the `impl` block for a `struct` or an `enum`",
        );
        return None;
    };
    Some((name.ident.clone(), EndpointKind::Impl { self_ty: Box::new(block.self_ty.clone()) }))
}

fn trait_kind(definition: &Trait, errors: &mut Errors) -> Option<(Ident, EndpointKind)> {
    if let Some(unsafety) = &definition.unsafety {
        errors.push(
            unsafety,
            "an unsafe trait cannot be an endpoint: remote callers cannot uphold its safety contract",
            "remove `unsafe`",
        );
        return None;
    }
    let name = &definition.ident;
    let newtype = names::generated_ident(&format!("{}Endpoint", names::wire_name(name)), name);
    Some((name.clone(), EndpointKind::Trait { vis: definition.vis.clone(), newtype }))
}

/// Returns the namespace of the endpoint, then the legacy ones.
fn namespaces(args: &EndpointArgs, errors: &mut Errors) -> Vec<Option<String>> {
    let own = args.namespace.as_ref().map(LitStr::value);
    if let Some(namespace) = &args.namespace {
        names::check_name(namespace, "namespace", errors);
    }
    let mut all = vec![own];
    for legacy in &args.legacy_namespaces {
        let (name, what) = match legacy {
            Namespace::Named(name) => {
                names::check_name(name, "namespace", errors);
                (Some(name.value()), format!("the namespace `{}`", name.value()))
            }
            Namespace::Null(_) => (None, "the null namespace".to_owned()),
        };
        if all.contains(&name) {
            let problem = format!("{what} is already a namespace of this endpoint");
            let help = match name {
                None if args.namespace.is_none() => {
                    "remove it: an endpoint without `namespace` is in the null namespace"
                }
                _ => "list each namespace once",
            };
            match legacy {
                Namespace::Named(lit) => errors.push(lit, problem, help),
                Namespace::Null(ident) => errors.push(ident, problem, help),
            }
            continue;
        }
        all.push(name);
    }
    all
}

/// Rejects duplicate wire names and aliases.
///
/// Methods with `#[cfg]` are not checked, because they may exclude each other. The registry checks
/// them.
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
                true => format!("`{name}` is already a wire name of this method"),
                false => format!("`{name}` is already a wire name of the method `{other}`"),
            };
            errors.push(at, problem, "use each wire name once");
        }
    }
}

/// Returns the last attribute with the given name.
fn find<'a>(attrs: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attrs.iter().rfind(|attr| attr.path().is_ident(name))
}
