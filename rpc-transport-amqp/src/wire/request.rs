//! Requests: what both dialects share of encoding and decoding them.

use std::time::Duration;

use rpc_amqp::Properties;
use rpc_core::pending_calls::CallKey;
use rpc_core::{Bytes, DecodeLimits, MessageId, Request};
use tokio::time::Instant;

use super::dialect::dialect_of;
use super::properties::{self, expiration, remaining_ttl};
use super::{CallId, Dialect, Outgoing, ReplyTo, name_limits, native, shortened};

/// The shortest call monitor period that a server keeps, whatever the caller asks for. With a shorter one, a few dozen calls
/// would make the server publish so often that other calls hardly get through.
pub(super) const MIN_MONITOR: Duration = Duration::from_millis(100);

/// Where the reply of a call goes: the caller's reply queue, and the pending call that waits there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplyAddress<'a> {
    pub(crate) key: CallKey,
    pub(crate) queue: &'a str,
}

/// What a call says beyond a cast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallFields<'a> {
    pub(crate) id: &'a str,
    pub(crate) reply_queue: &'a str,
}

/// Encodes a request for an exchange and routing key; `reply` where a reply is wanted.
///
/// # Errors
///
/// Fails if the arguments or the context cannot be encoded, with the reason.
pub(crate) fn encode_request(
    dialect: &dyn Dialect,
    request: &Request,
    (exchange, routing_key): (&str, &str),
    reply: Option<ReplyAddress<'_>>,
) -> Result<Outgoing, String> {
    let id = reply.map(|reply| CallId::of(reply.key).to_string());
    let left = request.deadline.and_then(expiration);
    let mut properties =
        if reply.is_some() { properties::transient() } else { properties::persistent() };
    if let Some(left) = &left {
        properties = properties.expiration(left);
    }
    if let Some(id) = &id {
        // In both dialects, though Python does not read it: it tells which call a returned message belongs to.
        properties = properties.correlation_id(id);
    }
    let call = id.as_deref().zip(reply);
    let call = call.map(|(id, reply)| CallFields { id, reply_queue: reply.queue });
    let (properties, body) = dialect.encode_request(properties, request, call)?;
    let (exchange, routing_key) = (exchange.into(), routing_key.into());
    Ok(Outgoing { exchange, routing_key, properties, body })
}

/// A decoded request, and where its reply goes, if its caller wants one.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) request: Request,
    pub(crate) reply_to: Option<ReplyTo>,
}

/// A message that is not a request this program can decode.
#[derive(Debug)]
pub(crate) struct DecodeError {
    pub(crate) reason: String,
    /// The id of the message, as far as that could be decoded.
    pub(crate) message_id: Option<MessageId>,
    /// Where the caller waits, as far as that could be decoded.
    pub(crate) reply_to: Option<ReplyTo>,
}

/// Returns what identifies a message of either dialect among its copies, without decoding it.
pub(crate) fn message_id(properties: &Properties, body: &[u8]) -> Option<MessageId> {
    dialect_of(body).message_id(properties, body)
}

/// Decodes a message that was received at the given time as a request of either dialect.
pub(crate) fn decode_request(
    properties: &Properties,
    body: &Bytes,
    received: Instant,
    limits: &DecodeLimits,
) -> Result<Decoded, Box<DecodeError>> {
    let decoded = dialect_of(body).decode_request(properties, body, limits);
    let reply_to = match &decoded {
        Ok(decoded) => &decoded.reply_to,
        Err(error) => &error.reply_to,
    };
    if let Some(reply_to) = reply_to
        && name_limits::is_reserved(&reply_to.queue)
    {
        // The caller cannot be told: a reply to that queue could cost the connection that publishes all replies.
        let reserved =
            format!("the broker reserves the name of the reply queue `{}`", reply_to.queue);
        let reason = match &decoded {
            Ok(_) => reserved,
            Err(error) => format!("{}; and {reserved}", error.reason),
        };
        let (reason, message_id) = (shortened(reason), Some(reply_to.message_id));
        return Err(Box::new(DecodeError { reason, message_id, reply_to: None }));
    }
    let mut decoded = decoded.map_err(|mut error| {
        error.reason = shortened(error.reason);
        error
    })?;
    decoded.request.monitor = decoded.request.monitor.map(|period| period.max(MIN_MONITOR));
    decoded.request.wants_reply = decoded.reply_to.is_some();
    decoded.request.deadline =
        remaining_ttl(properties).and_then(|left| received.checked_add(left));
    Ok(decoded)
}

/// Returns the error of a message whose body was discarded, as it is larger than the limit.
///
/// A native call is known by its properties, so its caller can be told. The oslo dialect has all of it in the body.
pub(crate) fn oversized_request(properties: &Properties, bytes: u64, limit: usize) -> DecodeError {
    let reason = format!("the body takes {bytes} bytes, and this server takes at most {limit}");
    DecodeError { reason, message_id: None, reply_to: native::reply_to_of(properties) }
}

#[cfg(test)]
mod tests {
    use rpc_core::{Codec, Payload};

    use super::*;
    use crate::wire::NATIVE;

    fn request() -> Request {
        let args = Payload::new(Codec::MessagePack, Vec::new());
        Request::new(MessageId::from_bits(1), "m", args)
    }

    fn native(request: &Request, reply_queue: &str) -> (Properties, Bytes) {
        let call = CallFields { id: "1", reply_queue };
        let properties = rpc_amqp::PropertiesBuilder::new();
        let (properties, body) = NATIVE.encode_request(properties, request, Some(call)).unwrap();
        (properties, body.join())
    }

    fn decode(properties: &Properties, body: &Bytes) -> Result<Decoded, Box<DecodeError>> {
        decode_request(properties, body, Instant::now(), &DecodeLimits::new())
    }

    #[test]
    fn a_request_whose_reply_queue_is_reserved_by_the_broker_is_rejected() {
        let queue = "amq.rabbitmq.reply-to.g2dkABByZWxCQGxvY2FsaG9zdAAAAAAAAAAA.x==";
        let (native, body) = native(&request(), queue);
        let oslo = |version: &str| {
            format!(r#"{{"method": "m", {version}"_msg_id": "77bb", "_reply_q": "{queue}"}}"#)
        };
        let plain = Properties::default();
        for (properties, body) in [
            (&native, body),
            (&native, Bytes::from_static(b"\xC1")),
            (&plain, oslo("").into()),
            (&plain, oslo(r#""version": null, "#).into()),
        ] {
            let error = decode(properties, &body).unwrap_err();
            assert_eq!(error.reply_to, None);
            assert!(error.reason.contains("amq.rabbitmq.reply-to.g2dk"), "{}", error.reason);
        }
    }

    #[test]
    fn a_call_monitor_period_that_is_too_short_is_raised_in_both_dialects() {
        let mut request = request();
        request.monitor = Some(Duration::from_millis(1));
        let oslo =
            br#"{"method": "m", "_msg_id": "77bb", "_reply_q": "reply_1", "_timeout": 0.001}"#;
        for (properties, body) in
            [native(&request, "q"), (Properties::default(), Bytes::from_static(oslo))]
        {
            let decoded = decode(&properties, &body).unwrap();
            assert_eq!(decoded.request.monitor, Some(MIN_MONITOR));
        }
    }

    #[test]
    fn a_reason_repeats_only_a_little_of_what_a_peer_has_written() {
        let long = "w\n".repeat(50_000);
        let mut header = vec![0x82, 0xa1, b'm', 0xa1, b'm', 0xa5];
        header.extend_from_slice(b"codec\xdb\0\x01\x86\xa0");
        header.extend_from_slice(long.as_bytes());
        let prefix = [&[0xc1, 1, 1, 0][..], &[7; 16], &(header.len() as u32).to_be_bytes()];
        let native = [prefix.concat(), header].concat();
        let oslo = serde_json::json!({"method": "m", "namespace": 7, "version": long}).to_string();
        for body in [native, oslo.into_bytes()] {
            let error = decode(&Properties::default(), &body.into()).unwrap_err();
            assert!(error.reason.len() < 1000, "the reason takes {} bytes", error.reason.len());
            assert!(!error.reason.contains('\n'), "{}", error.reason);
        }
    }

    #[test]
    fn a_reply_queue_whose_name_is_too_long_for_amqp_is_not_replied_to() {
        for (length, is_replied_to) in
            [(name_limits::MAX_LEN, true), (name_limits::MAX_LEN + 1, false)]
        {
            let queue = "q".repeat(length);
            for version in ["", r#""version": null, "#] {
                let body = Bytes::from(format!(
                    r#"{{"method": "m", {version}"_msg_id": "77bb", "_reply_q": "{queue}"}}"#
                ));
                let properties = Properties::default();
                let reply_to = match decode(&properties, &body) {
                    Ok(decoded) => decoded.reply_to,
                    Err(error) => error.reply_to,
                };
                assert_eq!(reply_to.is_some(), is_replied_to, "{length} {version}");
            }
        }
    }
}
