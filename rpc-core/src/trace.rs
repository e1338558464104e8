//! W3C Trace Context (the recommendation of 2021), carried with every request.
//!
//! Core speaks no OpenTelemetry: it reads, hands on and writes the two headers, and puts the ids into its spans.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;

/// The place of a call in a distributed trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

/// A `traceparent` that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a traceparent: expected `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, ids not all zero"
)]
pub struct ParseTraceContextError(String);

impl TraceContext {
    /// The first span of a new trace, sampled, with random ids.
    #[must_use]
    pub fn root() -> Self {
        let random = || RandomState::new().hash_one(0_u8);
        Self {
            trace_id: (u128::from(random()) << 64 | u128::from(random())).max(1),
            span_id: random().max(1),
            flags: 1,
            state: None,
        }
    }

    /// A span below this one: same trace, same flags and state, a fresh span id.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: RandomState::new().hash_one(self.span_id).max(1), ..self.clone() }
    }

    /// Adds the vendor's `tracestate`, which is handed on as it is.
    #[must_use]
    pub fn with_trace_state(mut self, state: impl Into<Arc<str>>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// The id of the whole trace.
    #[must_use]
    pub const fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the caller's span.
    #[must_use]
    pub const fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The vendor's `tracestate`.
    #[must_use]
    pub fn trace_state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for TraceContext {
    /// The `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = ParseTraceContextError;

    /// Reads a `traceparent` header. As the recommendation asks, later versions are read as far as this one goes.
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
    // The width checked by `hex` makes the conversion exact. Flags that this version does not know are not handed on.
    let flags = (flags & 1) as u8;
    Some(TraceContext { trace_id, span_id: span_id as u64, flags, state: None })
}

/// Exactly `digits` lower-case hexadecimal digits.
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
