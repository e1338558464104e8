//! Failures as exceptions of a Python client.
//!
//! The client rebuilds an exception from class, module and constructor arguments. What else a failure says is in a member
//! `rpc`, which Python ignores.

use std::borrow::Cow;

use rpc_core::{Failure, FailureKind, Version};

use super::json_string::write_string;
use super::payload::json_of;

/// The Python module of the errors with which a dispatcher rejects a request.
pub(super) const DISPATCHER: &str = "oslo_messaging.rpc.dispatcher";

/// The module of errors that name none.
const MODULE: &str = "rpc";

/// What was requested, which the messages of Python's dispatcher name.
#[derive(Debug, Copy, Clone)]
pub(super) struct About<'a> {
    pub(super) method: &'a str,
    pub(super) version: Version,
}

/// The exception that a Python client builds from a failure. `args` and `kwargs` are JSON.
struct Exception<'a> {
    class: &'a str,
    module: &'a str,
    message: Cow<'a, str>,
    args: Cow<'a, str>,
    kwargs: &'a str,
}

/// Encodes a failure as the JSON object that a reply contains as a string.
pub(super) fn json(failure: &Failure, about: Option<About<'_>>) -> String {
    // Details that cannot be converted to JSON are left out: the other members still describe the failure.
    let details = failure.details().and_then(|details| json_of(details).ok());
    let details = details.as_deref().map(str::trim_ascii);
    let Exception { class, module, message, args, kwargs } = exception(failure, about, details);
    let mut out = String::with_capacity(512);
    write_text_member(&mut out, r#"{"class": "#, class);
    write_text_member(&mut out, r#", "module": "#, module);
    write_text_member(&mut out, r#", "message": "#, &message);
    let lines = failure.causes().iter().map(|line| format!("{line}\n"));
    write_member(&mut out, r#", "tb": "#, &array(lines));
    write_member(&mut out, r#", "args": "#, &args);
    write_member(&mut out, r#", "kwargs": "#, kwargs);
    write_rpc_member(&mut out, failure, &message, details);
    out.push('}');
    out
}

/// Writes the member `rpc`: what the exception does not say about the failure.
fn write_rpc_member(out: &mut String, failure: &Failure, message: &str, details: Option<&str>) {
    write_text_member(out, r#", "rpc": {"kind": "#, failure.kind().as_str());
    write_text_member(out, r#", "ran": "#, failure.ran().as_str());
    write_text_member(out, r#", "class": "#, failure.class());
    match failure.module() {
        Some(module) => write_text_member(out, r#", "module": "#, module),
        None => write_member(out, r#", "module": "#, "null"),
    }
    if message != failure.message() {
        write_text_member(out, r#", "message": "#, failure.message());
    }
    write_member(out, r#", "supported_versions": "#, &array(failure.supported_versions()));
    if let Some(details) = details {
        write_member(out, r#", "details": "#, details);
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
    let message = |About { method, .. }| format!("Endpoint does not support RPC method {method}");
    dispatcher_error(
        "NoSuchMethod",
        failure,
        about.map(|about| (message(about), array([about.method]))),
    )
}

fn unsupported_version<'a>(failure: &'a Failure, about: Option<About<'_>>) -> Exception<'a> {
    let known = about.map(|About { method, version }| {
        let version = version.to_string();
        let message =
            format!("Endpoint does not support RPC version {version}. Attempted method: {method}");
        (message, array([&*version, method]))
    });
    dispatcher_error("UnsupportedVersion", failure, known)
}

/// Returns an exception of Python's dispatcher, with the dispatcher's message and arguments where the request is known.
fn dispatcher_error<'a>(
    class: &'a str,
    failure: &'a Failure,
    known: Option<(String, String)>,
) -> Exception<'a> {
    let (message, args) = match known {
        Some((message, args)) => (Cow::Owned(message), args),
        None => (Cow::Borrowed(failure.message()), array([failure.message()])),
    };
    Exception { class, module: DISPATCHER, message, args: Cow::Owned(args), kwargs: "{}" }
}

/// Returns the positional and named arguments of the exception's constructor. An error's named fields become named
/// arguments, as OpenStack's exceptions expect; fields without names become positional ones.
fn arguments<'a>(module: &str, message: &str, details: Option<&'a str>) -> (Cow<'a, str>, &'a str) {
    match details {
        None | Some("null") => (Cow::Owned(array([message])), "{}"),
        // Built-in exceptions accept no named arguments.
        Some(map) if map.starts_with('{') => {
            let kwargs = if is_builtin(module) { "{}" } else { map };
            (Cow::Owned(array([message])), kwargs)
        }
        Some(array) if array.starts_with('[') => (Cow::Borrowed(array), "{}"),
        Some(scalar) => (Cow::Owned(format!("[{scalar}]")), "{}"),
    }
}

/// Returns whether the module is Python's own; Python 2 called it `exceptions`.
pub(super) fn is_builtin(module: &str) -> bool {
    matches!(module, "builtins" | "exceptions")
}

fn write_member(out: &mut String, name: &str, json: &str) {
    out.push_str(name);
    out.push_str(json);
}

fn write_text_member(out: &mut String, name: &str, text: &str) {
    out.push_str(name);
    write_string(out, text);
}

fn array(texts: impl IntoIterator<Item: ToString>) -> String {
    let mut out = String::from("[");
    for (index, text) in texts.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write_string(&mut out, &text.to_string());
    }
    out.push(']');
    out
}
