//! Failures from replies: exceptions of Python servers, and what servers of this crate add to them.

use std::borrow::Cow;

use rpc_core::error::Ran;
use rpc_core::{Codec, Failure, FailureKind, Payload, Version};

use super::failure::{DISPATCHER, is_builtin};
use super::json_scan::{RawValue, elements, members};

/// Python appends it to the class and module of an exception that it has rebuilt.
const REBUILT: &str = "_Remote";

/// Decodes a reply's member `failure`, if it is one: a string that contains an object. A bare object is accepted, too.
pub(super) fn decode(raw: RawValue<'_>) -> Option<Failure> {
    let failure =
        |text: &str| Members::parse(text).map_or_else(undecodable, |found| found.failure());
    match raw.string() {
        Ok(text) => (!text.is_empty()).then(|| failure(&text)),
        // What is false in Python.
        Err(_) if matches!(raw.text, "null" | "false" | "0" | "[]" | "{}") => None,
        Err(_) if raw.is_object() => Some(failure(raw.text)),
        Err(reason) => Some(undecodable(reason.to_string())),
    }
}

fn undecodable(reason: String) -> Failure {
    let message = format!("the call failed, but the server's error cannot be decoded: {reason}");
    Failure::new(FailureKind::Error, "UndecodableFailure", message).with_ran(Ran::Unknown)
}

/// The members of the object; each may be missing.
#[derive(Default)]
struct Members<'a> {
    class: Option<RawValue<'a>>,
    module: Option<RawValue<'a>>,
    message: Option<RawValue<'a>>,
    tb: Option<RawValue<'a>>,
    args: Option<RawValue<'a>>,
    kwargs: Option<RawValue<'a>>,
    rpc: Option<RawValue<'a>>,
}

impl<'a> Members<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let mut found = Self::default();
        for part in members(text) {
            let (name, raw) = part.map_err(|error| format!("it is not a JSON object: {error}"))?;
            let member = match name {
                r#""class""# => &mut found.class,
                r#""module""# => &mut found.module,
                r#""message""# => &mut found.message,
                r#""tb""# => &mut found.tb,
                r#""args""# => &mut found.args,
                r#""kwargs""# => &mut found.kwargs,
                r#""rpc""# => &mut found.rpc,
                _ => continue,
            };
            *member = Some(raw);
        }
        Ok(found)
    }

    fn failure(&self) -> Failure {
        self.rpc_failure().unwrap_or_else(|| self.python_failure())
    }

    /// Returns the failure exactly as a server of this crate sent it.
    fn rpc_failure(&self) -> Option<Failure> {
        let rpc = RpcMember::parse(self.rpc?.text)?;
        let message = rpc.message.map_or_else(|| text(self.message), |raw| text(Some(raw)));
        let failure = Failure::new(rpc.kind, rpc.class, message)
            .with_module(rpc.module)
            .with_supported_versions(rpc.supported_versions)
            .with_causes(self.traceback());
        let failure = match rpc.ran {
            Some(ran) => failure.with_ran(ran),
            None => failure,
        };
        Some(match rpc.details {
            Some(raw) => failure.with_details(json(raw.text)),
            None => failure,
        })
    }

    /// Returns the failure that corresponds to a Python exception.
    fn python_failure(&self) -> Failure {
        let (class, module) = (text(self.class), text(self.module));
        let class = if class.is_empty() { "Exception" } else { strip_rebuilt(&class) };
        let module = Some(strip_rebuilt(&module)).filter(|module| !module.is_empty());
        let module = module.map(|name| if is_builtin(name) { "builtins" } else { name });
        let traceback = self.traceback();
        let kind = match (module, class) {
            _ if was_invoked(&traceback) => FailureKind::Error,
            (Some(DISPATCHER), "NoSuchMethod") => FailureKind::UnknownMethod,
            (Some(DISPATCHER), "UnsupportedVersion") => FailureKind::UnsupportedVersion,
            _ => FailureKind::Error,
        };
        let failure = Failure::new(kind, class.to_owned(), text(self.message))
            .with_module(module.map(str::to_owned))
            .with_causes(traceback);
        match self.details() {
            Some(details) => failure.with_details(details),
            None => failure,
        }
    }

    /// Returns the traceback, with Python's elements, each of which may be several lines.
    fn traceback(&self) -> Vec<String> {
        let Some(tb) = self.tb.filter(RawValue::is_array) else { return Vec::new() };
        let lines =
            elements(tb.text).map_while(Result::ok).filter_map(|(_, raw)| raw.string_lossy().ok());
        lines.map(|line| line.strip_suffix('\n').unwrap_or(&line).to_owned()).collect()
    }

    /// Returns the constructor's arguments as the fields of a Rust error. `None` if one of them contains a number that would
    /// lose its value.
    fn details(&self) -> Option<Payload> {
        let kwargs =
            self.kwargs.filter(|raw| raw.is_object() && members(raw.text).next().is_some());
        if let Some(kwargs) = kwargs {
            return kwargs.exact().ok().map(json);
        }
        let Some(args) = self.args.filter(RawValue::is_array) else { return Some(json("null")) };
        let args_text = args.exact().ok()?;
        let mut each = elements(args_text).map_while(Result::ok);
        match (each.next(), each.next()) {
            (None, _) => Some(json("null")),
            (Some((_, only)), None) => Some(json(only.text)),
            _ => Some(json(args_text)),
        }
    }
}

/// The member `rpc`, which servers of this crate add.
struct RpcMember<'a> {
    kind: FailureKind,
    /// Servers that do not say leave it to the kind.
    ran: Option<Ran>,
    class: String,
    module: Option<String>,
    message: Option<RawValue<'a>>,
    supported_versions: Vec<Version>,
    details: Option<RawValue<'a>>,
}

impl<'a> RpcMember<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (mut kind, mut class, mut module, mut message) = (None, None, None, None);
        let (mut ran, mut supported_versions, mut details) = (None, None, None);
        for part in members(text) {
            let (name, raw) = part.ok()?;
            match name {
                r#""kind""# => {
                    let known = raw.string().ok()?.parse();
                    kind = Some(known.unwrap_or(FailureKind::Unrecognized));
                }
                r#""ran""# => {
                    ran = Some(raw.string().map_or(Ran::Unknown, |word| Ran::from_word(&word)));
                }
                r#""class""# => class = Some(raw.string().ok()?.into_owned()),
                r#""module""# if raw.is_null() => {}
                r#""module""# => module = Some(raw.string().ok()?.into_owned()),
                r#""message""# => message = Some(raw),
                r#""supported_versions""# => supported_versions = Some(versions(raw)?),
                r#""details""# => details = Some(raw),
                _ => {}
            }
        }
        let supported_versions = supported_versions.unwrap_or_default();
        let (kind, class) = (kind?, class?);
        Some(Self { kind, ran, class, module, message, supported_versions, details })
    }
}

fn versions(raw: RawValue<'_>) -> Option<Vec<Version>> {
    elements(raw.text).map(|part| part.ok()?.1.string().ok()?.parse().ok()).collect()
}

/// Returns whether an error of Python's dispatcher comes from within a method, which was therefore invoked and called
/// another one in turn. Python removes [`REBUILT`] from the names before it forwards such an exception, but the traceback
/// still has it.
fn was_invoked(traceback: &[String]) -> bool {
    traceback.iter().any(|line| line.contains(REBUILT) || line.contains("in _do_dispatch"))
}

fn strip_rebuilt(name: &str) -> &str {
    name.strip_suffix(REBUILT).unwrap_or(name)
}

fn text(raw: Option<RawValue<'_>>) -> String {
    raw.and_then(|raw| raw.string_lossy().ok()).map(Cow::into_owned).unwrap_or_default()
}

fn json(text: &str) -> Payload {
    Payload::new(Codec::Json, text.to_owned())
}
