//! This transport's own options, for URLs of either form.

use std::time::Duration;

use super::draft::Draft;
use super::query::Entry;
use super::short;
use super::value::Value;
use crate::config::{LONGEST_TTL, Login};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) const OPTIONS: &[Entry] = &[
    ("exchange", exchange),
    ("quorum", |draft, value| {
        draft.config.queues.quorum = value.flag()?;
        Ok(())
    }),
    ("transient_ttl", transient_ttl),
    ("window", |draft, value| {
        draft.config.window = value.number(1, u16::MAX)?;
        Ok(())
    }),
    ("max_message", |draft, value| {
        draft.config.max_message = value.number(1, usize::MAX)?;
        Ok(())
    }),
    ("heartbeat", |draft, value| {
        draft.config.heartbeat = Duration::from_secs(value.number(1, u16::MAX)?.into());
        Ok(())
    }),
    ("connect_timeout", |draft, value| {
        draft.config.connect_timeout = value.seconds(Duration::from_millis(1), DAY)?;
        Ok(())
    }),
    ("connection_name", |draft, value| {
        draft.config.connection_name = value.text.to_owned();
        Ok(())
    }),
    ("login", login),
    ("ca_file", ca_file),
    ("cert_file", cert_file),
    ("key_file", key_file),
    ("server_name", |draft, value| {
        draft.tls.server_name = Some(value.text.to_owned());
        Ok(())
    }),
];

pub(super) fn exchange(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    short(value.text, "the exchange's name")?;
    draft.config.exchange = value.text.to_owned();
    Ok(())
}

pub(super) fn transient_ttl(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    let ttl = value.seconds(Duration::ZERO, LONGEST_TTL)?;
    draft.config.queues.transient_ttl = (ttl >= Duration::from_millis(1)).then_some(ttl);
    Ok(())
}

pub(super) fn login(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    draft.config.login = match value.text.to_ascii_uppercase().as_str() {
        "PLAIN" => Login::Plain,
        "AMQPLAIN" => Login::AmqPlain,
        "EXTERNAL" => Login::External,
        _ => return Err(value.wrong("`PLAIN`, `AMQPLAIN` or `EXTERNAL`")),
    };
    Ok(())
}

pub(super) fn ca_file(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    draft.tls.ca_file = Some(value.path());
    Ok(())
}

pub(super) fn cert_file(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    draft.certificate = Some(value.path());
    Ok(())
}

pub(super) fn key_file(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    draft.key = Some(value.path());
    Ok(())
}
