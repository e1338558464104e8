//! Requests.

use std::borrow::Cow;
use std::time::Duration;

use rpc_core::{
    Codec, ContextEntries, DecodeLimits, MessageId, Payload, Request, TraceContext, Value, Version,
};

use super::payload::json_of;
use super::split::{Broken, Raw, members};
use super::text::{escape, put_inner_string, put_inner_text, shortened, unescape};
use super::{envelope, id};

const CONTEXT: &str = "_context_";
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// A Python server counts whole seconds, and gives no sign of life for fewer than two.
pub(crate) const SHORTEST_MONITOR: Duration = Duration::from_secs(2);
/// More than a century, in seconds.
const LONGEST_MONITOR: f64 = (1_u64 << 32) as f64;

/// Where the answer to a call goes.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) msg_id: &'a str,
    pub(crate) reply_queue: &'a str,
}

/// A request, and for a call the `_msg_id` and the queue of its answer.
#[derive(Debug)]
pub(crate) struct ReadRequest {
    pub(crate) request: Request,
    pub(crate) reply: Option<(String, String)>,
}

/// Why a request could not be read, and where its caller waits for an answer, as far as that could be.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    pub(crate) reply: Option<(String, String)>,
}

/// The body of a request: of a call if there is somewhere to answer, otherwise of a cast.
///
/// Fails where arguments or context cannot be written as JSON.
pub(crate) fn encode_request(request: &Request, call: Option<Call<'_>>) -> Result<Vec<u8>, String> {
    let args = if request.args.is_empty() { Ok("{}".into()) } else { json_of(&request.args) };
    let args = args.map_err(|reason| format!("the arguments cannot be sent: {reason}"))?;
    // Quotes in the arguments take a byte more each, the other members of a call about 300.
    envelope::seal(args.len() + args.len() / 4 + 384, |out| {
        put_what(out, request, &args);
        if let Some(call) = call {
            put_call(out, call, request.monitor);
        }
        out.push_str(r#", \"_unique_id\": "#);
        put_inner_string(out, &request.id.to_string());
        put_context(out, request)?;
        out.push('}');
        Ok(())
    })
}

fn put_what(out: &mut String, request: &Request, args: &str) {
    out.push_str(r#"{\"method\": "#);
    put_inner_string(out, &request.method);
    out.push_str(r#", \"args\": "#);
    escape(out, args);
    if let Some(namespace) = &request.namespace {
        out.push_str(r#", \"namespace\": "#);
        put_inner_string(out, namespace);
    }
    if request.version != Version::V1_0 {
        out.push_str(r#", \"version\": "#);
        put_inner_string(out, &request.version.to_string());
    }
}

fn put_call(out: &mut String, call: Call<'_>, monitor: Option<Duration>) {
    out.push_str(r#", \"_msg_id\": "#);
    put_inner_string(out, call.msg_id);
    out.push_str(r#", \"_reply_q\": "#);
    put_inner_string(out, call.reply_queue);
    out.push_str(r#", \"_timeout\": "#);
    match monitor {
        Some(monitor) => {
            let monitor = monitor.max(SHORTEST_MONITOR);
            let seconds = monitor.as_secs().saturating_add(u64::from(monitor.subsec_nanos() > 0));
            out.push_str(&seconds.to_string());
        }
        None => out.push_str("null"),
    }
}

fn put_context(out: &mut String, request: &Request) -> Result<(), String> {
    if let Some(trace) = &request.trace {
        put_name(out, TRACE_PARENT);
        put_inner_string(out, &trace.to_string());
        if let Some(state) = trace.trace_state() {
            put_name(out, TRACE_STATE);
            put_inner_string(out, state);
        }
    }
    for (key, value) in request.entries.iter() {
        // The trace of the request comes before entries of its name.
        if request.trace.is_some() && matches!(key, TRACE_PARENT | TRACE_STATE) {
            continue;
        }
        put_name(out, key);
        let json = serde_json::to_string(value)
            .map_err(|error| format!("the context entry `{key}` cannot be sent: {error}"))?;
        escape(out, &json);
    }
    Ok(())
}

fn put_name(out: &mut String, key: &str) {
    out.push_str(r#", \"_context_"#);
    put_inner_text(out, key);
    out.push_str(r#"\": "#);
}

/// Reads the body of a request. Its deadline is not in there.
pub(crate) fn read_request(
    body: &[u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<ReadRequest, Unreadable> {
    let message = envelope::open(body, compression, max_bytes)
        .map_err(|reason| Unreadable { reason, reply: None })?;
    let members = Members::of(&message);
    let reply = members.reply();
    match members.request() {
        Ok(mut request) => {
            request.wants_reply = reply.is_some();
            Ok(ReadRequest { request, reply })
        }
        Err(reason) => Err(Unreadable { reason, reply }),
    }
}

/// The members that mean something, the last one of each name.
#[derive(Default)]
struct Members<'a> {
    method: Option<Raw<'a>>,
    args: Option<Raw<'a>>,
    namespace: Option<Raw<'a>>,
    version: Option<Raw<'a>>,
    msg_id: Option<Raw<'a>>,
    reply_q: Option<Raw<'a>>,
    timeout: Option<Raw<'a>>,
    unique_id: Option<Raw<'a>>,
    context: Vec<(Cow<'a, str>, Raw<'a>)>,
    broken: Option<Broken>,
}

impl<'a> Members<'a> {
    fn of(message: &'a str) -> Self {
        let mut found = Self::default();
        for part in members(message) {
            match part.map(|(name, raw)| (unescape(name, None), raw)) {
                Ok((Ok(name), raw)) => found.take(name, raw),
                // No name of ours; whatever it is, it is not known.
                Ok((Err(_), _)) => {}
                Err(broken) => found.broken = Some(broken),
            }
        }
        found
    }

    fn take(&mut self, name: Cow<'a, str>, raw: Raw<'a>) {
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

    /// Where the answer goes. Whoever gives an id without a queue cannot be answered, so that is a cast.
    fn reply(&self) -> Option<(String, String)> {
        let text = |member: Option<Raw<'_>>| {
            member?.string().ok().filter(|text| !text.is_empty()).map(Cow::into_owned)
        };
        Some((text(self.msg_id)?, text(self.reply_q)?))
    }

    fn request(&self) -> Result<Request, String> {
        if let Some(broken) = &self.broken {
            return Err(format!("the request is no JSON object: {broken}"));
        }
        let method = self.method.ok_or("the request names no `method`")?;
        let method = method.string().map_err(|reason| format!("`method`: {reason}"))?.into_owned();
        let mut request = Request::new(self.id(), method, self.args()?);
        request.namespace = self.namespace()?;
        request.version = self.version()?;
        request.monitor = self.timeout.and_then(monitor);
        (request.trace, request.entries) = self.trace_and_entries()?;
        Ok(request)
    }

    fn id(&self) -> MessageId {
        match self.unique_id.and_then(|raw| raw.string().ok()) {
            Some(text) if !text.is_empty() => id::standing_for(&text),
            _ => id::fresh(),
        }
    }

    fn args(&self) -> Result<Payload, String> {
        let args = self.args.map_or(Ok("{}"), |raw| raw.exact());
        let args = args.map_err(|number| format!("`args`: {number}"))?;
        Ok(Payload::new(Codec::Json, args.into()))
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
            let value = entry(*raw)
                .map_err(|reason| format!("the context entry `{}`: {reason}", shortened(key)))?;
            entries.push((key.to_owned(), value));
        }
        Ok((trace, entries.into_iter().collect()))
    }

    /// The caller's trace, where it is one.
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

fn entry(raw: Raw<'_>) -> Result<Value, String> {
    let text = raw.exact().map_err(|number| number.to_string())?;
    let limits = DecodeLimits::new().max_bytes(text.len());
    Codec::Json.decode(text.as_bytes(), &limits).map_err(|error| error.to_string())
}

/// How often the caller wants a sign of life: a number, or text of digits. A Python server cuts fractions off, and heeds
/// no wish for less than two seconds; here both are kept to, as signs of life come early rather than late.
fn monitor(timeout: Raw<'_>) -> Option<Duration> {
    let seconds = match timeout.string() {
        Ok(text) => text.trim().parse::<u64>().ok()? as f64,
        // Not every word that is read as a float here is a number in JSON.
        Err(_) if timeout.odd.is_some() => return None,
        Err(_) => timeout.text.parse::<f64>().ok()?,
    };
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST_MONITOR)))
}
