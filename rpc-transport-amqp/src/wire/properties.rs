//! Message properties that both dialects use alike.

use std::time::Duration;

use rpc_amqp::{Properties, PropertiesBuilder, Text};
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
pub(super) fn transient<'a>() -> PropertiesBuilder<'a> {
    PropertiesBuilder::new().delivery_mode(TRANSIENT)
}

/// Returns the properties of a message that outlives the broker.
pub(super) fn persistent<'a>() -> PropertiesBuilder<'a> {
    PropertiesBuilder::new().delivery_mode(PERSISTENT)
}

/// Builds properties whose texts are this program's own names, or come from properties: they are short enough.
pub(super) fn build(properties: &PropertiesBuilder<'_>) -> Properties {
    // A text that is too long is the only error.
    properties.build().unwrap_or_default()
}

/// Returns a property's text; empty where it is not set.
///
/// # Errors
///
/// Fails if it is not UTF-8, with the reason.
pub(super) fn text<'a>(name: &str, property: Option<Text<'a>>) -> Result<&'a str, String> {
    let Some(text) = property else { return Ok("") };
    text.as_str().ok_or_else(|| format!("the property `{name}` is not UTF-8: `{text}`"))
}

/// Returns how the body is compressed, if it is: a header that kombu sets.
pub(super) fn compression(properties: &Properties) -> Option<&str> {
    properties.header("compression")?.as_text()?.as_str()
}

/// Returns whether a message says that its body is compressed, so that decoding it may take long.
pub(crate) fn is_compressed(properties: &Properties) -> bool {
    compression(properties).is_some()
}

/// Returns how often a message was returned to its queue: quorum queues count that.
pub(crate) fn delivery_count(properties: &Properties) -> Option<u32> {
    u32::try_from(properties.header("x-delivery-count")?.as_i64()?).ok()
}

/// Returns the offset of a message that was delivered from a stream.
pub(crate) fn stream_offset(properties: &Properties) -> Option<u64> {
    u64::try_from(properties.header("x-stream-offset")?.as_i64()?).ok()
}

/// Adds the header by which kombu says how a body is compressed.
#[cfg(test)]
pub(super) fn with_compression(properties: &Properties, name: &str) -> Properties {
    let mut headers = rpc_amqp::FieldTable::new();
    headers.insert("compression", rpc_amqp::Field::Text(name)).unwrap();
    PropertiesBuilder::from(properties).headers(&headers).build().unwrap()
}

/// Returns the time until the deadline as AMQP's expiration. The broker delivers an expired message at once or never.
pub(super) fn expiration(deadline: Instant) -> Option<String> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    (left <= MAX_EXPIRATION).then(|| left.to_string())
}

/// Returns how long a message may still be delivered, by its expiration; `None`: it has none.
pub(super) fn remaining_ttl(properties: &Properties) -> Option<Duration> {
    properties.expiration()?.as_str()?.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_message_is_known_by_its_header() {
        let plain = Properties::default();
        assert!(!is_compressed(&plain));
        let headers = rpc_amqp::FieldTable::new();
        assert!(!is_compressed(&PropertiesBuilder::new().headers(&headers).build().unwrap()));
        assert!(is_compressed(&with_compression(&plain, "application/x-bz2")));
    }
}
