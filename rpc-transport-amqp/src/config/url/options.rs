//! The options of this transport, for URLs of every scheme.

use std::time::Duration;

use super::check_name;
use super::partial::PartialConfig;
use super::query::Entry;
use super::value::OptionValue;
use crate::config::{Login, MAX_TTL};

const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_CONSUMER_TIMEOUT: Duration = Duration::from_secs(u32::MAX as u64);

pub(super) const OPTIONS: &[Entry] = &[
    ("exchange", exchange),
    ("quorum", |partial, value| {
        partial.config.queues.quorum = value.flag()?;
        Ok(())
    }),
    ("transient_ttl", transient_ttl),
    ("stable_names", stable_names),
    ("hostname", |partial, value| {
        check_name(value.text, "the host's name")?;
        partial.config.queues.stable_names.host = value.text.to_owned();
        Ok(())
    }),
    ("processname", |partial, value| {
        check_name(value.text, "the process's name")?;
        partial.config.queues.stable_names.process = value.text.to_owned();
        Ok(())
    }),
    ("stream_fanout", stream_fanout),
    ("prefetch", |partial, value| {
        partial.config.prefetch = value.number(1, u16::MAX)?;
        Ok(())
    }),
    ("consumer_timeout", |partial, value| {
        let timeout = value.seconds(Duration::ZERO, MAX_CONSUMER_TIMEOUT)?;
        partial.config.consumer_timeout = (!timeout.is_zero()).then_some(timeout);
        Ok(())
    }),
    ("max_message", |partial, value| {
        partial.config.max_message = value.number(1, usize::MAX)?;
        Ok(())
    }),
    ("heartbeat", |partial, value| {
        partial.config.heartbeat = Duration::from_secs(value.number(1, u16::MAX)?.into());
        Ok(())
    }),
    ("connect_timeout", |partial, value| {
        partial.config.connect_timeout =
            value.seconds(Duration::from_millis(1), MAX_CONNECT_TIMEOUT)?;
        Ok(())
    }),
    ("connection_name", |partial, value| {
        partial.config.connection_name = value.text.to_owned();
        Ok(())
    }),
    ("login", login),
    ("ca_file", ca_file),
    ("cert_file", cert_file),
    ("key_file", key_file),
    ("server_name", |partial, value| {
        partial.tls.server_name = Some(value.text.to_owned());
        Ok(())
    }),
];

pub(super) fn exchange(partial: &mut PartialConfig, value: &OptionValue<'_>) -> Result<(), String> {
    check_name(value.text, "the exchange's name")?;
    partial.config.exchange = value.text.to_owned();
    Ok(())
}

pub(super) fn transient_ttl(
    partial: &mut PartialConfig,
    value: &OptionValue<'_>,
) -> Result<(), String> {
    let ttl = value.seconds(Duration::ZERO, MAX_TTL)?;
    let ttl = (ttl >= Duration::from_millis(1)).then_some(ttl);
    partial.config.queues.transient_ttl = ttl;
    partial.config.queues.stream_max_age = ttl;
    Ok(())
}

pub(super) fn stream_fanout(
    partial: &mut PartialConfig,
    value: &OptionValue<'_>,
) -> Result<(), String> {
    partial.config.queues.stream_fanout = value.flag()?;
    Ok(())
}

pub(super) fn stable_names(
    partial: &mut PartialConfig,
    value: &OptionValue<'_>,
) -> Result<(), String> {
    partial.config.queues.stable_names.enabled = value.flag()?;
    Ok(())
}

pub(super) fn login(partial: &mut PartialConfig, value: &OptionValue<'_>) -> Result<(), String> {
    partial.config.login = match value.text.to_ascii_uppercase().as_str() {
        "PLAIN" => Login::Plain,
        "AMQPLAIN" => Login::AmqPlain,
        "EXTERNAL" => Login::External,
        _ => return Err(value.invalid("`PLAIN`, `AMQPLAIN` or `EXTERNAL`")),
    };
    Ok(())
}

pub(super) fn ca_file(partial: &mut PartialConfig, value: &OptionValue<'_>) -> Result<(), String> {
    partial.tls.ca_file = Some(value.path());
    Ok(())
}

pub(super) fn cert_file(
    partial: &mut PartialConfig,
    value: &OptionValue<'_>,
) -> Result<(), String> {
    partial.certificate = Some(value.path());
    Ok(())
}

pub(super) fn key_file(partial: &mut PartialConfig, value: &OptionValue<'_>) -> Result<(), String> {
    partial.key = Some(value.path());
    Ok(())
}
