//! Message properties that both dialects use alike.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};
use tokio::time::Instant;

pub(super) const JSON: &str = "application/json";

/// RabbitMQ accepts no longer expiration, in milliseconds; a message with a later deadline has none.
const MAX_EXPIRATION: u128 = u32::MAX as u128;

/// Calls are not written to disk. After a crash of the broker they are worth nothing, and one that was delivered before
/// could be delivered again without being marked as redelivered.
const TRANSIENT: u8 = 1;
/// Casts are written to disk.
const PERSISTENT: u8 = 2;

/// Returns the properties of a message that does not outlive the broker.
pub(super) fn transient() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(TRANSIENT)
}

/// Returns the properties of a message that outlives the broker.
pub(super) fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(PERSISTENT)
}

/// Returns a property's text; empty where it is not set.
pub(super) fn text(property: &Option<ShortString>) -> &str {
    property.as_ref().map_or("", ShortString::as_str)
}

/// Returns how the body is compressed, if it is: a header that kombu sets.
pub(super) fn compression(properties: &BasicProperties) -> Option<&str> {
    match properties.headers().as_ref()?.inner().get("compression")? {
        AMQPValue::LongString(name) => str::from_utf8(name.as_bytes()).ok(),
        AMQPValue::ShortString(name) => Some(name.as_str()),
        _ => None,
    }
}

/// Adds the header by which kombu says how a body is compressed.
#[cfg(test)]
pub(super) fn with_compression(properties: BasicProperties, name: &str) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert("compression".into(), AMQPValue::LongString(name.into()));
    properties.with_headers(headers)
}

/// Returns the time until the deadline as AMQP's expiration. The broker delivers an expired message at once or never.
pub(super) fn expiration(deadline: Instant) -> Option<ShortString> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    (left <= MAX_EXPIRATION).then(|| left.to_string().into())
}

/// Returns how long a message may still be delivered, by its expiration; `None`: it has none.
pub(crate) fn remaining_ttl(properties: &BasicProperties) -> Option<Duration> {
    text(properties.expiration()).parse().ok().map(Duration::from_millis)
}
