//! Checks the signature of a remote method: qualifiers, receiver, context, arguments.

use quote::ToTokens;
use syn::{
    FnArg, GenericParam, Ident, LitStr, Pat, PatType, Receiver as SynReceiver, ReceiverKind,
    Safety, Signature, Type, TypeReference,
};

use super::method::check_since;
use super::{Scope, attrs, types};
use crate::args::{self, ArgArgs};
use crate::ast::Method as Source;
use crate::endpoint_attrs::endpoint_attr_name;
use crate::errors::Errors;
use crate::model::{Arg, Receiver};
use crate::names;
use crate::version::Version;

/// The maximum number of arguments: `rpc-core` implements its traits for tuples of up to 16.
const MAX_ARGS: usize = 16;

/// The arguments after the context.
pub(super) struct Args {
    pub(super) args: Vec<Arg>,
    pub(super) rest: Option<Arg>,
}

/// Rejects functions that cannot be remote: `const`, `unsafe`, `extern`, generic and variadic ones.
pub(super) fn qualifiers(source: &Source, errors: &mut Errors) {
    let sig = &source.sig;
    if let Some(constness) = &sig.constness {
        errors.push(constness, "a remote method cannot be `const`", "remove `const`");
    }
    if let Safety::Unsafe(unsafety) = &sig.safety {
        let problem =
            "a remote method cannot be `unsafe`: remote callers cannot uphold its safety contract";
        errors.push(unsafety, problem, "remove `unsafe`, or remove `pub`");
    }
    if let Some(abi) = &sig.abi {
        errors.push(abi, "a remote method cannot be `extern`", "remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.push(variadic, "a remote method cannot be variadic", "remove `...`");
    }
    for param in &sig.generics.params {
        let (kind, tokens) = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => ("a type", param.ident.to_token_stream()),
            GenericParam::Const(param) => ("a constant", param.ident.to_token_stream()),
        };
        let problem =
            format!("a remote method cannot be generic over {kind}: callers could not choose it");
        errors.push(tokens, problem, "write a concrete type, or make the endpoint generic");
    }
}

/// Checks the receiver. Returns `None` if there is none.
pub(super) fn receiver(
    sig: &Signature,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Receiver> {
    let Some(FnArg::Receiver(receiver)) = sig.inputs.first() else {
        let help = if scope.in_trait {
            "add `&self`, or mark it `#[local]`"
        } else {
            "add `&self`, move it to another `impl` block, as for constructors, or remove `pub`"
        };
        let problem = format!("`{}` has no `&self`, so it cannot be remote", sig.ident);
        errors.push(&sig.ident, problem, help);
        return None;
    };
    reject_attrs_on_receiver(receiver, errors);
    let shape = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Some(Receiver::Ref),
        ReceiverKind::Typed(_, ty) => typed_receiver(ty),
        _ => None,
    };
    let in_arc = matches!(shape, Some(Receiver::Arc | Receiver::RefArc));
    match shape {
        Some(shape) if !(in_arc && scope.in_trait) => Some(shape),
        _ => {
            errors.push(
                receiver,
                receiver_problem(receiver, in_arc),
                receiver_help(receiver, scope),
            );
            Some(Receiver::Ref)
        }
    }
}

/// Recognizes `self: &Self`, `self: Arc<Self>` and `self: &Arc<Self>`.
fn typed_receiver(ty: &Type) -> Option<Receiver> {
    let is_self =
        |ty: &Type| types::last_segment(ty).is_some_and(|segment| segment.ident == "Self");
    let is_arc = |ty: &Type| {
        types::last_segment(ty).is_some_and(|segment| segment.ident == "Arc")
            && types::first_argument(ty).is_some_and(is_self)
    };
    match types::ungroup(ty) {
        Type::Reference(TypeReference { mutability: None, elem, .. }) if is_self(elem) => {
            Some(Receiver::Ref)
        }
        Type::Reference(TypeReference { mutability: None, elem, .. }) if is_arc(elem) => {
            Some(Receiver::RefArc)
        }
        ty if is_arc(ty) => Some(Receiver::Arc),
        _ => None,
    }
}

fn is_mut(receiver: &SynReceiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_some(),
        ReceiverKind::Typed(_, ty) => {
            matches!(types::ungroup(ty), Type::Reference(reference) if reference.mutability.is_some())
        }
        _ => false,
    }
}

fn receiver_problem(receiver: &SynReceiver, in_arc: bool) -> String {
    if is_mut(receiver) {
        "an endpoint is shared by concurrent calls, so a method cannot take `&mut self`".to_owned()
    } else if in_arc {
        "the methods of a trait endpoint are called through the generated wrapper, which does not contain an `Arc`".to_owned()
    } else {
        "an endpoint is shared by concurrent calls, so a method cannot take it by value".to_owned()
    }
}

fn receiver_help(receiver: &SynReceiver, scope: &Scope<'_>) -> &'static str {
    match (is_mut(receiver), scope.in_trait) {
        (true, _) => {
            "write `&self`, and put mutable state into a `Mutex`, an `RwLock` or an atomic"
        }
        (false, true) => "write `&self`",
        (false, false) => "write `&self`, or `self: Arc<Self>` to keep the endpoint after the call",
    }
}

fn reject_attrs_on_receiver(receiver: &SynReceiver, errors: &mut Errors) {
    for attr in &receiver.attrs {
        if let Some(own) = endpoint_attr_name(attr.path()) {
            let problem = format!("`#[{own}]` has no effect on `self`");
            errors.push(attr, problem, "put it on the method or on one of its arguments");
        }
    }
}

/// Checks the arguments after the context. `base` is the version that the method requires.
pub(super) fn args(sig: &Signature, base: Version, scope: &Scope<'_>, errors: &mut Errors) -> Args {
    let typed: Vec<&PatType> = sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(arg) => Some(arg),
            FnArg::Receiver(_) => None,
        })
        .collect();
    let named = args_after_context(sig, &typed, errors);
    let mut args = Args { args: Vec::new(), rest: None };
    for (position, &arg) in named.iter().enumerate() {
        let Some((arg, is_rest)) = self::arg(arg, base, scope, errors) else { continue };
        let taken = args.args.iter().any(|other| other.wire == arg.wire);
        if taken {
            let problem = format!("two arguments have the wire name `{}`", arg.wire);
            errors.push(&arg.ident, problem, "rename one of them");
        }
        match is_rest {
            Some(rest) if position + 1 < named.len() => {
                let problem = "`rest` must be on the last argument";
                errors.push(rest, problem, "move this argument to the end");
            }
            Some(_) => args.rest = Some(arg),
            None => args.args.push(arg),
        }
    }
    if let Some(first_too_many) = args.args.get(MAX_ARGS) {
        let problem =
            format!("a remote method takes at most {MAX_ARGS} arguments after the context");
        errors.push(&first_too_many.ident, problem, "put some of them into a struct");
    }
    args
}

/// Checks that the context is the first argument, and returns the others.
fn args_after_context<'a>(
    sig: &Signature,
    typed: &[&'a PatType],
    errors: &mut Errors,
) -> Vec<&'a PatType> {
    let mut named = typed.to_vec();
    let position = typed.iter().position(|arg| is_context(&arg.ty));
    let help = "write `ctx: &Context` directly after `self`";
    match position.map(|position| (position, named.remove(position))) {
        Some((0, ctx)) => context(ctx, errors),
        Some((_, ctx)) => {
            errors.push(ctx, "the context must be the first parameter", help);
        }
        None => {
            let problem = format!("`{}` has no context parameter", sig.ident);
            match typed.first() {
                Some(first) => {
                    errors.push(first, problem, format!("{help}, before this argument"));
                }
                None => errors.push(&sig.ident, problem, help),
            }
        }
    }
    named
}

/// Returns whether a type is a context: by reference, or incorrectly by value.
fn is_context(ty: &Type) -> bool {
    match types::ungroup(ty) {
        Type::Reference(reference) => is_context(&reference.elem),
        ty => types::last_segment(ty).is_some_and(|last| last.ident == "Context"),
    }
}

fn context(ctx: &PatType, errors: &mut Errors) {
    for attr in &ctx.attrs {
        if let Some(own) = endpoint_attr_name(attr.path()) {
            let problem =
                format!("`#[{own}]` has no effect on the context, which is not a named argument");
            errors.push(attr, problem, "remove it");
        }
    }
    match types::ungroup(&ctx.ty) {
        Type::Reference(TypeReference { mutability: Some(mutability), .. }) => {
            errors.push(
                mutability,
                "the context is shared, so it cannot be `&mut`",
                "write `&Context`",
            );
        }
        Type::Reference(_) => {}
        ty => errors.push(ty, "the context is passed by reference", "write `&Context`"),
    }
}

/// Checks an argument. Returns it with the `rest` setting, if it has one.
fn arg(
    source: &PatType,
    base: Version,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<(Arg, Option<Ident>)> {
    let mut rpc = ArgArgs::default();
    let mut since = None;
    attrs::look_alikes(&source.attrs, errors);
    for attr in &source.attrs {
        match endpoint_attr_name(attr.path()) {
            Some("rpc") => rpc.add(attr, errors),
            Some("since") => since = args::since(attr, errors),
            Some(own) => {
                errors.push(attr, format!("`#[{own}]` is for methods"), "put it on the method");
            }
            None if attr.path().is_ident("cfg") => errors.push(
                attr,
                "an argument cannot be conditional: the interface would be, too",
                "put `#[cfg]` on two versions of the method, or make the argument an `Option`",
            ),
            None => {}
        }
    }
    let (ident, wire) = name(source, rpc.name.as_ref(), errors)?;
    let is_valid = types::check_client_type(&source.ty, "an argument", errors);
    let optional = types::is_option(&source.ty);
    let since = since.and_then(|since| {
        if !optional {
            errors.push(
                &source.ty,
                format!("`{wire}` is newer than its method, so older clients do not send it"),
                format!(
                    "write `Option<{}>`",
                    source.ty.to_token_stream().to_string().replace(' ', "")
                ),
            );
            return None;
        }
        let tokens = since.tokens.clone();
        let since = check_since(since, scope, errors)?;
        if since < base {
            let problem = format!("`{wire}` cannot be older ({since}) than its method ({base})");
            errors.push(tokens, problem, "remove `#[since]` from the argument");
            return None;
        }
        Some(since)
    });
    let ty = if is_valid { (*source.ty).clone() } else { syn::parse_quote!(_) };
    Some((Arg { ident, wire, ty, optional, since: since.filter(|since| *since > base) }, rpc.rest))
}

/// Returns the identifier of an argument and its wire name.
fn name(source: &PatType, wire: Option<&LitStr>, errors: &mut Errors) -> Option<(Ident, String)> {
    if let Some(wire) = wire {
        names::check_name(wire, "wire name", errors);
    }
    let ident = match &*source.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => &pat.ident,
        Pat::Wild(wild) => {
            let help = "give it a name, such as `#[rpc(name = \"note\")] _note` if it is unused";
            errors.push(wild, "arguments are sent by name, and this one has none", help);
            return None;
        }
        pat => {
            let problem = "arguments are sent by name, and a pattern has none";
            errors.push(pat, problem, "give the argument a name, and destructure it in the body");
            return None;
        }
    };
    let name = names::wire_name(ident);
    if wire.is_none() && name.starts_with('_') {
        let bare = name.trim_start_matches('_');
        let problem =
            format!("the wire name would be `{name}`, and would change once the argument is used");
        let help = match bare {
            "" => "write `#[rpc(name = \"…\")]` before it".to_owned(),
            bare => format!("write `#[rpc(name = \"{bare}\")] {name}`"),
        };
        errors.push(ident, problem, help);
    }
    Some((ident.clone(), wire.map_or(name, LitStr::value)))
}
