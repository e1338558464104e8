//! Messages to be published: their properties and bodies, before and after something hostile was done to them.

use std::collections::BTreeMap;

use rpc_tests::support::raw_publisher::{Property, properties};
use rpc_tests::support::seeded_rng::SeededRng;
use serde_json::{Value, json};

/// A property that is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    ContentType,
    ContentEncoding,
    CorrelationId,
    ReplyTo,
    Expiration,
    MessageId,
    Type,
    UserId,
    AppId,
}

impl Text {
    /// Those in which the broker accepts any bytes.
    pub const ANY_BYTES: [Self; 7] = [
        Self::ContentType,
        Self::ContentEncoding,
        Self::CorrelationId,
        Self::ReplyTo,
        Self::MessageId,
        Self::Type,
        Self::AppId,
    ];

    fn property(self, bytes: &[u8]) -> Property<'_> {
        match self {
            Self::ContentType => Property::ContentType(bytes),
            Self::ContentEncoding => Property::ContentEncoding(bytes),
            Self::CorrelationId => Property::CorrelationId(bytes),
            Self::ReplyTo => Property::ReplyTo(bytes),
            Self::Expiration => Property::Expiration(bytes),
            Self::MessageId => Property::MessageId(bytes),
            Self::Type => Property::Type(bytes),
            Self::UserId => Property::UserId(bytes),
            Self::AppId => Property::AppId(bytes),
        }
    }
}

/// A message without its address.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub texts: BTreeMap<Text, Vec<u8>>,
    /// Encoded headers, one behind the other.
    pub headers: Vec<u8>,
    pub delivery_mode: Option<u8>,
    pub priority: Option<u8>,
    pub timestamp: Option<u64>,
    /// Flags of properties that AMQP does not define.
    pub undefined_flags: u16,
    pub body: Vec<u8>,
    /// Further queues that it is routed to.
    pub copies: usize,
    /// Whether the broker may drop it before it is delivered.
    pub may_expire: bool,
}

impl Draft {
    pub fn set(&mut self, text: Text, value: impl Into<Vec<u8>>) {
        self.texts.insert(text, value.into());
    }

    /// Returns the bytes of its properties.
    pub fn properties(&self) -> Vec<u8> {
        let texts = self.texts.iter().map(|(text, bytes)| text.property(bytes));
        let headers = (!self.headers.is_empty()).then_some(Property::Headers(&self.headers));
        let fields: Vec<_> = texts
            .chain(headers)
            .chain(self.delivery_mode.map(Property::DeliveryMode))
            .chain(self.priority.map(Property::Priority))
            .chain(self.timestamp.map(Property::Timestamp))
            .collect();
        let mut bytes = properties(&fields);
        bytes[1] |= self.undefined_flags as u8;
        bytes
    }
}

/// Kinds of native messages.
pub const CALL: u8 = 1;
pub const CAST: u8 = 2;

/// Returns a native message: its prefix, its header and its payload.
pub fn native(kind: u8, id: u128, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(header.len()).unwrap().to_be_bytes();
    [&[0xC1, 1, kind, 0], &id.to_be_bytes()[..], &length, header, payload].concat()
}

/// Returns a text as MessagePack has it.
pub fn packed_text(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0xdb], &length[..], text].concat()
}

/// Returns the fields as a map of MessagePack. The values are encoded already.
pub fn packed_map(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let count = u8::try_from(fields.len()).unwrap();
    assert!(count < 16, "a short map has at most 15 fields");
    let fields = fields
        .iter()
        .flat_map(|(key, value)| [packed_text(key.as_bytes()), value.to_vec()].concat());
    [0x80 | count].into_iter().chain(fields).collect()
}

/// Returns the members of a request of oslo.messaging.
pub fn oslo_members(rng: &mut SeededRng, reply_queue: Option<&str>) -> Value {
    let mut members = json!({
        "method": "echo",
        "args": {"number": 7},
        "_unique_id": format!("{:032x}", rng.seed()),
        "_timeout": null,
    });
    if let Some(queue) = reply_queue {
        members["_msg_id"] = format!("{:032x}", rng.seed()).into();
        members["_reply_q"] = queue.into();
    }
    members
}

/// Returns a body with the envelope of oslo.messaging.
pub fn enveloped(message: &str) -> Vec<u8> {
    json!({"oslo.version": "2.0", "oslo.message": message}).to_string().into_bytes()
}

/// Returns a request that any server would serve, in either dialect: a call or a cast.
pub fn request(rng: &mut SeededRng, native_dialect: bool, reply_queue: &str) -> Draft {
    let mut draft = Draft::default();
    let call = rng.percent(60);
    if native_dialect {
        let header = packed_map(&[("m", &packed_text(b"echo"))]);
        let args = packed_map(&[("number", &[7])]);
        let kind = if call { CALL } else { CAST };
        draft.body = native(kind, u128::from(rng.seed()), &header, &args);
        if call {
            draft.set(Text::ReplyTo, reply_queue);
            draft.set(Text::CorrelationId, format!("{:032x}", rng.seed()));
        }
    } else {
        let members = oslo_members(rng, call.then_some(reply_queue));
        draft.body = enveloped(&members.to_string());
        draft.set(Text::ContentType, "application/json");
    }
    draft
}

/// Returns a message such as arrives in reply queues, in either dialect, for no call.
pub fn reply(rng: &mut SeededRng, native_dialect: bool) -> Draft {
    let mut draft = Draft::default();
    let call = format!("{:032x}", rng.seed());
    if native_dialect {
        // Result, failure, still running, accepted, cancel.
        let kind = rng.pick(&[3, 4, 5, 6, 7]);
        draft.body = native(kind, u128::from(rng.seed()), &[], &[7]);
        draft.set(Text::CorrelationId, call);
        draft.set(Text::ReplyTo, "sink");
    } else {
        let ending = rng.percent(50);
        let message = json!({
            "result": 7, "failure": null, "ending": ending, "_msg_id": call,
            "_unique_id": format!("{:032x}", rng.seed()),
        });
        draft.body = enveloped(&message.to_string());
    }
    draft
}
