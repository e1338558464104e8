//! Requests: made into messages, and read from them.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::ShortString;
use rpc_core::pending_calls::CallKey;
use rpc_core::{DecodeLimits, Request};
use tokio::time::Instant;

use super::names;
use super::oslo;
use super::{CallId, Outgoing, WayBack, compression, kind, kind_of, native, text};
use crate::config::Form;

/// RabbitMQ refuses to keep a message for longer, in milliseconds; what has longer has no limit.
const LONGEST: u128 = u32::MAX as u128;
/// Calls are worth nothing after a crash of the broker, and one that it had delivered could be delivered again as if it
/// never had been: so they are not written to disk. Casts are.
pub(super) const IN_MEMORY: u8 = 1;
const ON_DISK: u8 = 2;

/// The shortest call monitor period that is served, whatever a caller asks for: each call with a shorter one would cost the
/// server a publish every few milliseconds, and a few dozen of them would push all other calls aside.
pub(crate) const MIN_MONITOR: Duration = Duration::from_millis(100);

/// A call's names on the wire: its own, and the queue of its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calling<'a> {
    pub(crate) key: CallKey,
    pub(crate) inbox: &'a str,
}

/// A request on its way to an exchange. `calling` where an answer is wanted.
pub(crate) fn outgoing(
    form: Form,
    request: &Request,
    (exchange, routing_key): (&str, &str),
    calling: Option<Calling<'_>>,
) -> Result<Outgoing, String> {
    let id = calling.map(|calling| CallId::of(calling.key).to_string());
    let mut properties = BasicProperties::default().with_delivery_mode(if calling.is_some() {
        IN_MEMORY
    } else {
        ON_DISK
    });
    if let Some(left) = request.deadline.and_then(expiration) {
        properties = properties.with_expiration(left);
    }
    let body = match form {
        Form::Native => {
            let kind = if calling.is_some() { kind::CALL } else { kind::CAST };
            properties = properties
                .with_type(kind.into())
                .with_content_type(native::content_type(request.args.codec()).into());
            if let Some(calling) = calling {
                properties = properties.with_reply_to(calling.inbox.into());
            }
            native::encode_request(request)?
        }
        Form::Oslo => {
            properties = oslo_properties(properties);
            let reply_queue = calling.map(|calling| calling.inbox);
            let call = id.as_deref().zip(reply_queue);
            let call = call.map(|(msg_id, reply_queue)| oslo::Call { msg_id, reply_queue });
            oslo::encode_request(request, call)?
        }
    };
    if let Some(id) = id {
        // Also in the oslo form, where Python looks at it no more than at any other: it tells whose message was returned.
        properties = properties.with_correlation_id(id.into());
    }
    let (exchange, routing_key) = (exchange.into(), routing_key.into());
    Ok(Outgoing { exchange, routing_key, properties, body })
}

/// What a Python peer sets on every message, and needs.
pub(super) fn oslo_properties(properties: BasicProperties) -> BasicProperties {
    properties
        .with_content_type(native::JSON.into())
        .with_content_encoding("utf-8".into())
        .with_headers(<_>::default())
        .with_priority(0)
}

/// The time that is left, as AMQP has it. A message whose time is up is delivered at once or not at all.
pub(super) fn expiration(deadline: Instant) -> Option<ShortString> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    (left <= LONGEST).then(|| left.to_string().into())
}

/// A request that came, and the way back to its caller, if it wants an answer.
pub(crate) struct Arrived {
    pub(crate) request: Request,
    pub(crate) back: Option<WayBack>,
}

/// A message that cannot be read.
pub(crate) struct Illegible {
    pub(crate) reason: String,
    /// Where its caller waits, as far as that could be read.
    pub(crate) back: Option<WayBack>,
}

/// The request in a message that came at the given time.
pub(crate) fn read_request(
    properties: &BasicProperties,
    body: &[u8],
    came: Instant,
    limits: &DecodeLimits,
) -> Result<Arrived, Illegible> {
    let read = match kind_of(properties) {
        kind @ (kind::CALL | kind::CAST) => read_native(kind, properties, body, limits),
        _ => read_oslo(properties, body, limits),
    };
    let back = read.as_ref().map_or_else(|illegible| &illegible.back, |arrived| &arrived.back);
    if let Some(back) = back
        && names::is_reserved(&back.queue)
    {
        // Its caller cannot be told: a reply to that queue could cost the connection that publishes everybody's replies.
        let reason =
            format!("its reply queue `{}` has a name that the broker reserves", back.queue);
        return Err(Illegible { reason, back: None });
    }
    let mut arrived = read?;
    arrived.request.wants_reply = arrived.back.is_some();
    arrived.request.monitor = arrived.request.monitor.map(|period| period.max(MIN_MONITOR));
    arrived.request.deadline = text(properties.expiration())
        .parse()
        .ok()
        .and_then(|left| came.checked_add(Duration::from_millis(left)));
    Ok(arrived)
}

fn read_native(
    kind: &str,
    properties: &BasicProperties,
    body: &[u8],
    limits: &DecodeLimits,
) -> Result<Arrived, Illegible> {
    let (queue, call) = (text(properties.reply_to()), text(properties.correlation_id()));
    let back = (kind == kind::CALL && !queue.is_empty()).then(|| WayBack {
        form: Form::Native,
        queue: queue.into(),
        call: call.into(),
    });
    let codec = native::codec(text(properties.content_type()));
    match native::read_request(body, codec, limits) {
        Ok(request) => Ok(Arrived { request, back }),
        Err(reason) => Err(Illegible { reason, back }),
    }
}

fn read_oslo(
    properties: &BasicProperties,
    body: &[u8],
    limits: &DecodeLimits,
) -> Result<Arrived, Illegible> {
    let back = |reply: Option<(String, String)>| {
        // A longer name is none of any queue.
        let reply = reply.filter(|(_, queue)| names::fits(queue));
        reply.map(|(call, queue)| WayBack {
            form: Form::Oslo,
            queue: queue.into(),
            call: call.into(),
        })
    };
    match oslo::read_request(body, compression(properties), limits.max_bytes) {
        Ok(read) => Ok(Arrived { request: read.request, back: back(read.reply) }),
        Err(unreadable) => {
            Err(Illegible { reason: unreadable.reason, back: back(unreadable.reply) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(properties: &BasicProperties, body: &[u8]) -> Result<Arrived, Illegible> {
        read_request(properties, body, Instant::now(), &DecodeLimits::new())
    }

    #[test]
    fn a_request_whose_reply_queue_is_reserved_by_the_broker_is_rejected() {
        let queue = "amq.rabbitmq.reply-to.g2dkABByZWxCQGxvY2FsaG9zdAAAAAAAAAAA.x==";
        let body = native::encode_request(&Request::new(
            rpc_core::MessageId::from_bits(1),
            "m",
            rpc_core::Payload::new(rpc_core::Codec::MessagePack, Vec::new()),
        ));
        let native = BasicProperties::default()
            .with_type(kind::CALL.into())
            .with_reply_to(queue.into())
            .with_correlation_id("1".into());
        let oslo = |version: &str| {
            format!(r#"{{"method": "m", {version}"_msg_id": "77bb", "_reply_q": "{queue}"}}"#)
        };
        let plain = BasicProperties::default();
        for (properties, body) in [
            (&native, body.unwrap()),
            (&native, b"nothing".to_vec()),
            (&plain, oslo("").into_bytes()),
            (&plain, oslo(r#""version": null, "#).into_bytes()),
        ] {
            let Err(illegible) = read(properties, &body) else { panic!("it was read") };
            assert!(illegible.back.is_none());
            assert!(
                illegible.reason.contains("amq.rabbitmq.reply-to.g2dk"),
                "{}",
                illegible.reason
            );
        }
    }

    #[test]
    fn a_call_monitor_period_that_is_too_short_is_raised_in_both_forms() {
        let mut request = Request::new(
            rpc_core::MessageId::from_bits(1),
            "m",
            rpc_core::Payload::new(rpc_core::Codec::MessagePack, Vec::new()),
        );
        request.monitor = Some(Duration::from_millis(1));
        let native = BasicProperties::default().with_type(kind::CALL.into());
        let oslo =
            br#"{"method": "m", "_msg_id": "77bb", "_reply_q": "reply_1", "_timeout": 0.001}"#;
        for (properties, body) in [
            (&native, native::encode_request(&request).unwrap()),
            (&BasicProperties::default(), oslo.to_vec()),
        ] {
            let Ok(arrived) = read(properties, &body) else { panic!("it cannot be read") };
            assert_eq!(arrived.request.monitor, Some(MIN_MONITOR));
        }
    }

    #[test]
    fn a_reply_queue_whose_name_is_too_long_for_amqp_is_no_way_back() {
        for (length, is_way_back) in [(names::LONGEST, true), (names::LONGEST + 1, false)] {
            let queue = "q".repeat(length);
            for version in ["", r#""version": null, "#] {
                let body = format!(
                    r#"{{"method": "m", {version}"_msg_id": "77bb", "_reply_q": "{queue}"}}"#
                );
                let properties = BasicProperties::default();
                let read = read_request(
                    &properties,
                    body.as_bytes(),
                    Instant::now(),
                    &DecodeLimits::new(),
                );
                let back = match read {
                    Ok(arrived) => arrived.back,
                    Err(illegible) => illegible.back,
                };
                assert_eq!(back.is_some(), is_way_back, "{length} {version}");
            }
        }
    }
}
