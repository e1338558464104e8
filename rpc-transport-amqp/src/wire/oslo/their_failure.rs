//! Failures as servers send them, Python's and ours.

use std::borrow::Cow;

use rpc_core::{Codec, Failure, FailureKind, Payload, Version};

use super::failure::{DISPATCHER, is_builtin};
use super::split::{Raw, elements, members};

/// What Python adds to the names of an exception that it has rebuilt.
const REBUILT: &str = "_Remote";

/// The failure in a reply's member `failure`, if there is one: a string that holds an object. An object is taken, too.
pub(super) fn read(raw: Raw<'_>) -> Option<Failure> {
    let read = |text: &str| Members::of(text).map_or_else(unreadable, |found| found.failure());
    match raw.string() {
        Ok(text) => (!text.is_empty()).then(|| read(&text)),
        // Whatever Python takes for false.
        Err(_) if matches!(raw.text, "null" | "false" | "0" | "[]" | "{}") => None,
        Err(_) if raw.is_object() => Some(read(raw.text)),
        Err(reason) => Some(unreadable(reason.to_string())),
    }
}

fn unreadable(reason: String) -> Failure {
    let message =
        format!("the call failed, but the server's words for it cannot be read: {reason}");
    Failure::new(FailureKind::Error, "UnreadableFailure", message)
}

/// Nothing in here must be there.
#[derive(Default)]
struct Members<'a> {
    class: Option<Raw<'a>>,
    module: Option<Raw<'a>>,
    message: Option<Raw<'a>>,
    tb: Option<Raw<'a>>,
    args: Option<Raw<'a>>,
    kwargs: Option<Raw<'a>>,
    rpc: Option<Raw<'a>>,
}

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        let mut found = Self::default();
        for part in members(text) {
            let (name, raw) = part.map_err(|broken| format!("it is no JSON object: {broken}"))?;
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
        self.ours().unwrap_or_else(|| self.pythons())
    }

    /// The failure exactly as one of our servers had it.
    fn ours(&self) -> Option<Failure> {
        let own = Own::of(self.rpc?.text)?;
        let message = own.message.map_or_else(|| shown(self.message), |raw| shown(Some(raw)));
        let failure = Failure::new(own.kind, own.class, message)
            .with_module(own.module)
            .with_supported_versions(own.served)
            .with_causes(self.trace());
        Some(match own.details {
            Some(raw) => failure.with_details(json(raw.text)),
            None => failure,
        })
    }

    fn pythons(&self) -> Failure {
        let (class, module) = (shown(self.class), shown(self.module));
        let class = if class.is_empty() { "Exception" } else { cut(&class) };
        let module = Some(cut(&module)).filter(|module| !module.is_empty());
        let module = module.map(|name| if is_builtin(name) { "builtins" } else { name });
        let trace = self.trace();
        let kind = match (module, class) {
            _ if has_run(&trace) => FailureKind::Error,
            (Some(DISPATCHER), "NoSuchMethod") => FailureKind::UnknownMethod,
            (Some(DISPATCHER), "UnsupportedVersion") => FailureKind::UnsupportedVersion,
            _ => FailureKind::Error,
        };
        let failure = Failure::new(kind, class.to_owned(), shown(self.message))
            .with_module(module.map(str::to_owned))
            .with_causes(trace);
        match self.details() {
            Some(details) => failure.with_details(details),
            None => failure,
        }
    }

    /// The stack, an element for each of Python's, which may be several lines.
    fn trace(&self) -> Vec<String> {
        let Some(tb) = self.tb.filter(Raw::is_array) else { return Vec::new() };
        let lines = elements(tb.text).map_while(Result::ok).filter_map(|(_, raw)| raw.shown().ok());
        lines.map(|line| line.strip_suffix('\n').unwrap_or(&line).to_owned()).collect()
    }

    /// The constructor's arguments, as an error type of ours may have them. What cannot be carried as it is, is left
    /// out rather than changed.
    fn details(&self) -> Option<Payload> {
        let kwargs =
            self.kwargs.filter(|raw| raw.is_object() && members(raw.text).next().is_some());
        if let Some(kwargs) = kwargs {
            return kwargs.exact().ok().map(json);
        }
        let Some(args) = self.args.filter(Raw::is_array) else { return Some(json("null")) };
        let args_text = args.exact().ok()?;
        let mut each = elements(args_text).map_while(Result::ok);
        match (each.next(), each.next()) {
            (None, _) => Some(json("null")),
            (Some((_, only)), None) => Some(json(only.text)),
            _ => Some(json(args_text)),
        }
    }
}

/// The member `rpc` of our own servers.
struct Own<'a> {
    kind: FailureKind,
    class: String,
    module: Option<String>,
    message: Option<Raw<'a>>,
    served: Vec<Version>,
    details: Option<Raw<'a>>,
}

impl<'a> Own<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (mut kind, mut class, mut module, mut message) = (None, None, None, None);
        let (mut served, mut details) = (None, None);
        for part in members(text) {
            let (name, raw) = part.ok()?;
            match name {
                r#""kind""# => {
                    let known = raw.string().ok()?.parse();
                    kind = Some(known.unwrap_or(FailureKind::Unrecognized));
                }
                r#""class""# => class = Some(raw.string().ok()?.into_owned()),
                r#""module""# if raw.is_null() => {}
                r#""module""# => module = Some(raw.string().ok()?.into_owned()),
                r#""message""# => message = Some(raw),
                r#""served""# => served = Some(versions(raw)?),
                r#""details""# => details = Some(raw),
                _ => {}
            }
        }
        let served = served.unwrap_or_default();
        Some(Self { kind: kind?, class: class?, module, message, served, details })
    }
}

fn versions(raw: Raw<'_>) -> Option<Vec<Version>> {
    elements(raw.text).map(|part| part.ok()?.1.string().ok()?.parse().ok()).collect()
}

/// Whether a refusal by Python's dispatcher comes from within a method that was run, and called another one in turn:
/// Python takes [`REBUILT`] off the names before it sends such an exception on. Its stack has not forgotten.
fn has_run(trace: &[String]) -> bool {
    trace.iter().any(|line| line.contains(REBUILT) || line.contains("in _do_dispatch"))
}

fn cut(name: &str) -> &str {
    name.strip_suffix(REBUILT).unwrap_or(name)
}

fn shown(raw: Option<Raw<'_>>) -> String {
    raw.and_then(|raw| raw.shown().ok()).map(Cow::into_owned).unwrap_or_default()
}

fn json(text: &str) -> Payload {
    Payload::new(Codec::Json, text.into())
}
