//! Messages as they are on the broker, in both forms.
//!
//! What a transport sends is in the form that its URL asks for; what it receives is understood in either, and answered in
//! kind. The native form marks its messages with a `type`, which oslo.messaging never sets.

pub(crate) mod names;
mod native;
pub(crate) mod oslo;
mod reply;
mod request;

use std::fmt;

use lapin::BasicProperties;
use lapin::types::ShortString;
use rpc_core::pending_calls::CallKey;

pub(crate) use self::reply::{
    Answer, Mail, answer, cancel, heartbeat, read_mail, taken, time_left,
};
pub(crate) use self::request::{Arrived, Calling, Illegible, MIN_MONITOR, outgoing, read_request};
use crate::config::Form;

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

/// What a message of the native form is: its `type`.
pub(crate) mod kind {
    pub(crate) const CALL: &str = "rpc.call";
    pub(crate) const CAST: &str = "rpc.cast";
    pub(crate) const RESULT: &str = "rpc.result";
    pub(crate) const FAILURE: &str = "rpc.failure";
    /// The method is still at work.
    pub(crate) const ALIVE: &str = "rpc.alive";
    /// The method has begun, and this is where its server hears of callers that give up.
    pub(crate) const TAKEN: &str = "rpc.taken";
    /// The caller has given up.
    pub(crate) const CANCEL: &str = "rpc.cancel";
}

/// The way back to a caller: its reply queue, and which of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct WayBack {
    pub(crate) form: Form,
    pub(crate) queue: Box<str>,
    /// The correlation id, or oslo.messaging's `_msg_id`.
    pub(crate) call: Box<str>,
}

/// The names under which open calls travel: 32 hexadecimal digits, as oslo.messaging's `_msg_id` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallId(CallKey);

impl CallId {
    pub(crate) fn of(key: CallKey) -> Self {
        Self(key)
    }

    /// `None`: no call of ours has this name.
    pub(crate) fn read(text: &str) -> Option<CallKey> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
        Some(CallKey::from_bits(bits))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0.to_bits())
    }
}

/// The `type` of a message; empty where it has none.
pub(crate) fn kind_of(properties: &BasicProperties) -> &str {
    text(properties.kind())
}

/// What a property holds; empty where it is not set.
fn text(property: &Option<ShortString>) -> &str {
    property.as_ref().map_or("", ShortString::as_str)
}

/// How the body is compressed, if it is: a header that kombu sets.
fn compression(properties: &BasicProperties) -> Option<&str> {
    match properties.headers().as_ref()?.inner().get("compression")? {
        lapin::types::AMQPValue::LongString(name) => str::from_utf8(name.as_bytes()).ok(),
        lapin::types::AMQPValue::ShortString(name) => Some(name.as_str()),
        _ => None,
    }
}
