//! Requests.

use std::borrow::Cow;
use std::time::Duration;

use rpc_core::{
    Codec, ContextEntries, DecodeLimits, MessageId, Payload, Request, TraceContext, Value, Version,
};

use super::json_scan::{RawValue, SyntaxError, members};
use super::json_string::{
    truncated, unescape, write_escaped, write_nested_escaped, write_nested_string,
};
use super::payload::json_of;
use super::{MIN_MONITOR, envelope, id};
use crate::wire::request::CallFields;
use crate::wire::{DecodeError, Decoded, OSLO, ReplyTo, name_limits};

const CONTEXT: &str = "_context_";
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// The longest call monitor period that is decoded, in seconds: more than a century.
const MAX_MONITOR_SECONDS: f64 = (1_u64 << 32) as f64;

/// Encodes the body of a request: a call where there are `call` fields, otherwise a cast.
///
/// # Errors
///
/// Fails if the arguments or the context cannot be converted to JSON, with the reason.
pub(super) fn encode(request: &Request, call: Option<CallFields<'_>>) -> Result<Vec<u8>, String> {
    let args = if request.args.is_empty() { Ok("{}".into()) } else { json_of(&request.args) };
    let args = args.map_err(|reason| format!("the arguments cannot be encoded: {reason}"))?;
    // Each quote in the arguments takes one byte more; the other members of a call take about 300.
    envelope::wrap(args.len() + args.len() / 4 + 384, |out| {
        write_method(out, request, &args);
        if let Some(call) = call {
            write_call(out, call, request.monitor);
        }
        out.push_str(r#", \"_unique_id\": "#);
        write_nested_string(out, &request.id.to_string());
        write_context(out, request)?;
        out.push('}');
        Ok(())
    })
}

fn write_method(out: &mut String, request: &Request, args: &str) {
    out.push_str(r#"{\"method\": "#);
    write_nested_string(out, &request.method);
    out.push_str(r#", \"args\": "#);
    write_escaped(out, args);
    if let Some(namespace) = &request.namespace {
        out.push_str(r#", \"namespace\": "#);
        write_nested_string(out, namespace);
    }
    if request.version != Version::V1_0 {
        out.push_str(r#", \"version\": "#);
        write_nested_string(out, &request.version.to_string());
    }
}

fn write_call(out: &mut String, call: CallFields<'_>, monitor: Option<Duration>) {
    out.push_str(r#", \"_msg_id\": "#);
    write_nested_string(out, call.id);
    out.push_str(r#", \"_reply_q\": "#);
    write_nested_string(out, call.reply_queue);
    out.push_str(r#", \"_timeout\": "#);
    match monitor {
        Some(monitor) => {
            let monitor = monitor.max(MIN_MONITOR);
            let seconds = monitor.as_secs().saturating_add(u64::from(monitor.subsec_nanos() > 0));
            out.push_str(&seconds.to_string());
        }
        None => out.push_str("null"),
    }
}

fn write_context(out: &mut String, request: &Request) -> Result<(), String> {
    if let Some(trace) = &request.trace {
        write_context_key(out, TRACE_PARENT);
        write_nested_string(out, &trace.to_string());
        if let Some(state) = trace.trace_state() {
            write_context_key(out, TRACE_STATE);
            write_nested_string(out, state);
        }
    }
    for (key, value) in request.entries.iter() {
        // The request's trace context takes precedence over entries of the same name.
        if request.trace.is_some() && matches!(key, TRACE_PARENT | TRACE_STATE) {
            continue;
        }
        write_context_key(out, key);
        let json = serde_json::to_string(value)
            .map_err(|error| format!("the context entry `{key}` cannot be encoded: {error}"))?;
        write_escaped(out, &json);
    }
    Ok(())
}

fn write_context_key(out: &mut String, key: &str) {
    out.push_str(r#", \"_context_"#);
    write_nested_escaped(out, key);
    out.push_str(r#"\": "#);
}

/// Decodes the body of a request. Its deadline is not in there.
pub(super) fn decode(
    body: &[u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<Decoded, Box<DecodeError>> {
    let message = envelope::unwrap_body(body, compression, max_bytes)
        .map_err(|reason| Box::new(DecodeError { reason, message_id: None, reply_to: None }))?;
    let members = Members::of(&message);
    let (message_id, reply_to) = (members.message_id(), members.reply_to());
    match members.request() {
        Ok(mut request) => {
            request.wants_reply = reply_to.is_some();
            Ok(Decoded { request, reply_to })
        }
        Err(reason) => Err(Box::new(DecodeError { reason, message_id, reply_to })),
    }
}

/// The members that are known, the last one of each name.
#[derive(Default)]
struct Members<'a> {
    method: Option<RawValue<'a>>,
    args: Option<RawValue<'a>>,
    namespace: Option<RawValue<'a>>,
    version: Option<RawValue<'a>>,
    msg_id: Option<RawValue<'a>>,
    reply_q: Option<RawValue<'a>>,
    timeout: Option<RawValue<'a>>,
    unique_id: Option<RawValue<'a>>,
    context: Vec<(Cow<'a, str>, RawValue<'a>)>,
    syntax_error: Option<SyntaxError>,
}

impl<'a> Members<'a> {
    fn of(message: &'a str) -> Self {
        let mut found = Self::default();
        for part in members(message) {
            match part.map(|(name, raw)| (unescape(name, None), raw)) {
                Ok((Ok(name), raw)) => found.insert(name, raw),
                // A name that is not Unicode is not a known one.
                Ok((Err(_), _)) => {}
                Err(error) => found.syntax_error = Some(error),
            }
        }
        found
    }

    fn insert(&mut self, name: Cow<'a, str>, raw: RawValue<'a>) {
        let member = match &*name {
            "method" => &mut self.method,
            "args" => &mut self.args,
            "namespace" => &mut self.namespace,
            "version" => &mut self.version,
            "_msg_id" => &mut self.msg_id,
            "_reply_q" => &mut self.reply_q,
            "_timeout" => &mut self.timeout,
            "_unique_id" => &mut self.unique_id,
            other if other.starts_with(CONTEXT) => return self.context.push((name, raw)),
            _ => return,
        };
        *member = Some(raw);
    }

    /// Returns where the reply goes. An id without a queue cannot be replied to, nor can a queue whose name AMQP cannot
    /// carry: such a request is a cast.
    fn reply_to(&self) -> Option<ReplyTo> {
        let text = |member: Option<RawValue<'_>>| {
            member?.string().ok().filter(|text| !text.is_empty()).map(Cow::into_owned)
        };
        let (call_id, queue) = (text(self.msg_id)?, text(self.reply_q)?);
        name_limits::fits_short_string(&queue).then(|| ReplyTo {
            dialect: OSLO,
            queue: queue.into(),
            call_id: call_id.into(),
            message_id: self.message_id().unwrap_or(MessageId::from_bits(0)),
        })
    }

    fn request(&self) -> Result<Request, String> {
        if let Some(error) = &self.syntax_error {
            return Err(format!("the request is not a JSON object: {error}"));
        }
        let method = self.method.ok_or("the request has no `method`")?;
        let method = method.string().map_err(|reason| format!("`method`: {reason}"))?.into_owned();
        let id = self.message_id().unwrap_or_else(id::unique);
        let mut request = Request::new(id, method, self.args()?);
        request.namespace = self.namespace()?;
        request.version = self.version()?;
        request.monitor = self.timeout.and_then(decode_monitor);
        (request.trace, request.entries) = self.trace_and_entries()?;
        Ok(request)
    }

    fn message_id(&self) -> Option<MessageId> {
        let text = self.unique_id?.string().ok()?;
        (!text.is_empty()).then(|| id::from_text(&text))
    }

    fn args(&self) -> Result<Payload, String> {
        let args = self.args.map_or(Ok("{}"), |raw| raw.exact());
        let args = args.map_err(|number| format!("`args`: {number}"))?;
        Ok(Payload::new(Codec::Json, args.to_owned()))
    }

    fn namespace(&self) -> Result<Option<Cow<'static, str>>, String> {
        match self.namespace {
            Some(raw) if !raw.is_null() => {
                let namespace = raw.string().map_err(|reason| format!("`namespace`: {reason}"))?;
                Ok(Some(Cow::Owned(namespace.into_owned())))
            }
            _ => Ok(None),
        }
    }

    fn version(&self) -> Result<Version, String> {
        let Some(raw) = self.version else { return Ok(Version::V1_0) };
        let text = raw.string().map_err(|reason| format!("`version`: {reason}"))?;
        text.parse().map_err(|error| format!("`version`: {error}"))
    }

    fn trace_and_entries(&self) -> Result<(Option<Box<TraceContext>>, ContextEntries), String> {
        if self.context.is_empty() {
            return Ok((None, ContextEntries::default()));
        }
        let mut entries = Vec::with_capacity(self.context.len());
        let trace = self.trace();
        for (name, raw) in &self.context {
            let key = &name[CONTEXT.len()..];
            if trace.is_some() && matches!(key, TRACE_PARENT | TRACE_STATE) {
                continue;
            }
            let value = decode_entry(*raw)
                .map_err(|reason| format!("the context entry `{}`: {reason}", truncated(key)))?;
            entries.push((key.to_owned(), value));
        }
        Ok((trace, entries.into_iter().collect()))
    }

    /// Returns the caller's trace context, if it is valid.
    fn trace(&self) -> Option<Box<TraceContext>> {
        let text = |key| {
            let mut named =
                self.context.iter().rev().filter(|(name, _)| &name[CONTEXT.len()..] == key);
            named.next().and_then(|(_, raw)| raw.string().ok())
        };
        let trace: TraceContext = text(TRACE_PARENT)?.parse().ok()?;
        Some(Box::new(match text(TRACE_STATE) {
            Some(state) => trace.with_trace_state(&*state),
            None => trace,
        }))
    }
}

fn decode_entry(raw: RawValue<'_>) -> Result<Value, String> {
    let text = raw.exact().map_err(|number| number.to_string())?;
    let limits = DecodeLimits::new().max_bytes(text.len());
    Codec::Json.decode(text.as_bytes(), &limits).map_err(|error| error.to_string())
}

/// Decodes the call monitor period: a number, or a string of digits. A Python server cuts fractions off and ignores less
/// than two seconds. This crate honours both, as it is better to report early that a method still runs than late.
fn decode_monitor(timeout: RawValue<'_>) -> Option<Duration> {
    let seconds = match timeout.string() {
        Ok(text) => text.trim().parse::<u64>().ok()? as f64,
        // Rust parses `NaN` and `Infinity` as floats, too.
        Err(_) if timeout.unrepresentable.is_some() => return None,
        Err(_) => timeout.text.parse::<f64>().ok()?,
    };
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(MAX_MONITOR_SECONDS)))
}
