//! Failures as a Python client reads them.
//!
//! It rebuilds an exception from class, module and constructor arguments. Beside these there is a member `rpc`, which
//! Python leaves alone, with what else a failure says.

use std::borrow::Cow;

use rpc_core::{Failure, FailureKind, Version};

use super::payload::json_of;
use super::text::put_string;

/// The Python module of the errors with which a dispatcher refuses a request.
pub(super) const DISPATCHER: &str = "oslo_messaging.rpc.dispatcher";

/// The module of errors that name none.
const MODULE: &str = "rpc";

/// What was asked for, which Python's own refusals name.
#[derive(Debug, Copy, Clone)]
pub(crate) struct About<'a> {
    pub(crate) method: &'a str,
    pub(crate) version: Version,
}

/// The exception that a Python client makes of a failure. Arguments are JSON.
struct Exception<'a> {
    class: &'a str,
    module: &'a str,
    message: Cow<'a, str>,
    args: Cow<'a, str>,
    kwargs: &'a str,
}

/// The object that stands in a reply as a string.
pub(super) fn json(failure: &Failure, about: Option<About<'_>>) -> String {
    // Details that are not JSON are left out: the failure says the rest.
    let details = failure.details().and_then(|details| json_of(details).ok());
    let details = details.as_deref().map(str::trim_ascii);
    let Exception { class, module, message, args, kwargs } = exception(failure, about, details);
    let mut out = String::with_capacity(512);
    put_text(&mut out, r#"{"class": "#, class);
    put_text(&mut out, r#", "module": "#, module);
    put_text(&mut out, r#", "message": "#, &message);
    let lines = failure.causes().iter().map(|line| format!("{line}\n"));
    put(&mut out, r#", "tb": "#, &array(lines));
    put(&mut out, r#", "args": "#, &args);
    put(&mut out, r#", "kwargs": "#, kwargs);
    put_own(&mut out, failure, &message, details);
    out.push('}');
    out
}

/// What the exception does not say of the failure.
fn put_own(out: &mut String, failure: &Failure, message: &str, details: Option<&str>) {
    put_text(out, r#", "rpc": {"kind": "#, failure.kind().as_str());
    put_text(out, r#", "class": "#, failure.class());
    match failure.module() {
        Some(module) => put_text(out, r#", "module": "#, module),
        None => put(out, r#", "module": "#, "null"),
    }
    if message != failure.message() {
        put_text(out, r#", "message": "#, failure.message());
    }
    put(out, r#", "served": "#, &array(failure.supported_versions()));
    if let Some(details) = details {
        put(out, r#", "details": "#, details);
    }
    out.push('}');
}

fn exception<'a>(
    failure: &'a Failure,
    about: Option<About<'_>>,
    details: Option<&'a str>,
) -> Exception<'a> {
    let own_module = failure.module().unwrap_or(MODULE);
    let (class, module) = match failure.kind() {
        FailureKind::UnknownMethod => return no_such_method(failure, about),
        FailureKind::UnsupportedVersion | FailureKind::UnknownNamespace => {
            return unsupported_version(failure, about);
        }
        FailureKind::InvalidArguments => ("TypeError", "builtins"),
        FailureKind::Malformed => ("ValueError", "builtins"),
        FailureKind::Denied => ("PermissionError", "builtins"),
        FailureKind::Expected
        | FailureKind::Error
        | FailureKind::Panic
        | FailureKind::UnencodableResult => (failure.class(), own_module),
        // Not an error of the method, so its module does not apply.
        FailureKind::Overloaded
        | FailureKind::Expired
        | FailureKind::Interrupted
        | FailureKind::Unrecognized => (failure.class(), MODULE),
    };
    let details = details.filter(|_| failure.kind() == FailureKind::Expected);
    let (args, kwargs) = arguments(module, failure.message(), details);
    Exception { class, module, message: failure.message().into(), args, kwargs }
}

fn no_such_method<'a>(failure: &'a Failure, about: Option<About<'_>>) -> Exception<'a> {
    let sentence = |About { method, .. }| format!("Endpoint does not support RPC method {method}");
    refusal("NoSuchMethod", failure, about.map(|about| (sentence(about), array([about.method]))))
}

fn unsupported_version<'a>(failure: &'a Failure, about: Option<About<'_>>) -> Exception<'a> {
    let told = about.map(|About { method, version }| {
        let version = version.to_string();
        let sentence =
            format!("Endpoint does not support RPC version {version}. Attempted method: {method}");
        (sentence, array([&*version, method]))
    });
    refusal("UnsupportedVersion", failure, told)
}

/// An error of Python's dispatcher, with its sentence and arguments where they can be told.
fn refusal<'a>(
    class: &'a str,
    failure: &'a Failure,
    told: Option<(String, String)>,
) -> Exception<'a> {
    let (message, args) = match told {
        Some((message, args)) => (Cow::Owned(message), args),
        None => (Cow::Borrowed(failure.message()), array([failure.message()])),
    };
    Exception { class, module: DISPATCHER, message, args: Cow::Owned(args), kwargs: "{}" }
}

/// Positional and named arguments of the exception's constructor. An error's named fields become named arguments, as
/// OpenStack's exceptions take them; fields without names become positional ones.
fn arguments<'a>(module: &str, message: &str, details: Option<&'a str>) -> (Cow<'a, str>, &'a str) {
    match details {
        None | Some("null") => (Cow::Owned(array([message])), "{}"),
        // No built-in exception is rebuilt with named arguments.
        Some(map) if map.starts_with('{') => {
            let kwargs = if is_builtin(module) { "{}" } else { map };
            (Cow::Owned(array([message])), kwargs)
        }
        Some(array) if array.starts_with('[') => (Cow::Borrowed(array), "{}"),
        Some(scalar) => (Cow::Owned(format!("[{scalar}]")), "{}"),
    }
}

/// Python 2 had another name for it.
pub(super) fn is_builtin(module: &str) -> bool {
    matches!(module, "builtins" | "exceptions")
}

fn put(out: &mut String, name: &str, json: &str) {
    out.push_str(name);
    out.push_str(json);
}

fn put_text(out: &mut String, name: &str, text: &str) {
    out.push_str(name);
    put_string(out, text);
}

fn array(texts: impl IntoIterator<Item: ToString>) -> String {
    let mut out = String::from("[");
    for (index, text) in texts.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        put_string(&mut out, &text.to_string());
    }
    out.push(']');
    out
}
