//! W3C Trace Context (the recommendation of 2021), sent with every request.
//!
//! This crate does not depend on OpenTelemetry. It parses, forwards and writes the two headers
//! `traceparent` and `tracestate`, and records the ids in its `tracing` spans.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::random;

/// The W3C trace context of a call: trace id, span id, flags and `tracestate`.
///
/// It is parsed from a `traceparent` header and displayed as one.
///
/// ```
/// use rpc_core::{Context, TraceContext};
///
/// let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// let ctx = Context::new().with_trace(trace.with_trace_state("vendor=1"));
/// # Ok::<(), rpc_core::ParseTraceContextError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

/// The error of parsing a `traceparent` header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a traceparent: expected `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, ids not all zero"
)]
pub struct ParseTraceContextError(String);

impl TraceContext {
    /// Creates the root span of a new trace: sampled, with random ids.
    #[must_use]
    pub fn root() -> Self {
        Self {
            // Ids of zero are invalid. From the system's generator: the 64 bits of state of the thread's one would be all that
            // tells one trace from another.
            trace_id: random::wide_from_os().max(1),
            span_id: random::from_thread().max(1),
            flags: 1,
            state: None,
        }
    }

    /// Creates a child span: the same trace id, flags and `tracestate` with a new random span id.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: random::from_thread().max(1), ..self.clone() }
    }

    /// Sets the `tracestate` header, which is forwarded unchanged.
    #[must_use]
    pub fn with_trace_state(mut self, state: impl Into<Arc<str>>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Returns the trace id.
    #[must_use]
    pub const fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// Returns the id of the caller's span.
    #[must_use]
    pub const fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Returns whether the caller records the trace (the sampled flag).
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Returns the `tracestate` header.
    #[must_use]
    pub fn trace_state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for TraceContext {
    /// Formats the `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = ParseTraceContextError;

    /// Parses a `traceparent` header.
    ///
    /// As the recommendation requires, the known fields of later versions are parsed and the rest
    /// is ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseTraceContextError(text.chars().take(64).collect()))
    }
}

fn parse(text: &str) -> Option<TraceContext> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    let known_length = version != 0 || parts.next().is_none();
    if version == 0xff || trace_id == 0 || span_id == 0 || !known_length {
        return None;
    }
    // The conversions are exact, because `hex` has checked the number of digits. Unknown flags are
    // not forwarded.
    let flags = (flags & 1) as u8;
    Some(TraceContext { trace_id, span_id: span_id as u64, flags, state: None })
}

/// Parses exactly `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let fits = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if fits { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written_back() {
        let trace: TraceContext = HEADER.parse().unwrap();
        assert_eq!(trace.to_string(), HEADER);
        assert!(trace.is_sampled());
    }

    #[test]
    fn a_child_stays_in_its_trace_under_another_span() {
        let parent: TraceContext = HEADER.parse().unwrap();
        let child = parent.with_trace_state("vendor=1").child();
        assert_eq!(child.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_ne!(child.span_id(), 0x00f0_67aa_0ba9_02b7);
        assert_eq!(child.trace_state(), Some("vendor=1"));
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for text in ["", "00", "ff-", zero_trace, &HEADER.to_uppercase(), &format!("{HEADER}-x")] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }
}
