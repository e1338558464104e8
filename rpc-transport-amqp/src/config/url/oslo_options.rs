//! The options of oslo.messaging's group `oslo_messaging_rabbit`, which a `transport_url` may override.

use std::time::Duration;

use super::options::{
    ca_file, cert_file, exchange, key_file, login, stable_names, stream_fanout, transient_ttl,
};
use super::query::Entry;

/// A day.
const MAX_SECONDS: u32 = 24 * 60 * 60;

/// The options with an effect, and `control_exchange`, which Python programs set outside of this group.
pub(super) const OPTIONS: &[Entry] = &[
    ("control_exchange", exchange),
    ("amqp_durable_queues", |partial, value| {
        partial.config.queues.durable = value.flag()?;
        Ok(())
    }),
    ("amqp_auto_delete", |partial, value| {
        partial.config.queues.auto_delete = value.flag()?;
        Ok(())
    }),
    ("rabbit_quorum_queue", |partial, value| {
        partial.config.queues.quorum = value.flag()?;
        Ok(())
    }),
    ("rabbit_transient_quorum_queue", |partial, value| {
        partial.config.queues.transient_quorum = value.flag()?;
        Ok(())
    }),
    ("rabbit_quorum_delivery_limit", |partial, value| {
        partial.config.queues.limits.delivery_limit = value.limit(u32::MAX)?;
        Ok(())
    }),
    ("rabbit_quorum_max_memory_length", |partial, value| {
        partial.config.queues.limits.max_memory_length = value.limit(u32::MAX)?;
        Ok(())
    }),
    ("rabbit_quorum_max_memory_bytes", |partial, value| {
        partial.config.queues.limits.max_memory_bytes = value.limit(u64::MAX)?;
        Ok(())
    }),
    ("rabbit_transient_queues_ttl", transient_ttl),
    ("use_queue_manager", stable_names),
    ("rabbit_stream_fanout", stream_fanout),
    ("rabbit_qos_prefetch_count", |partial, value| {
        // 0 is unlimited in AMQP: this server would take the whole queue from the others. The default applies instead.
        match value.limit(u16::MAX)? {
            Some(prefetch) => partial.config.prefetch = prefetch,
            None => partial.unlimited_prefetch = true,
        }
        Ok(())
    }),
    ("heartbeat_timeout_threshold", |partial, value| {
        match value.limit(u16::MAX)? {
            Some(seconds) => partial.config.heartbeat = Duration::from_secs(seconds.into()),
            None => partial.config.warnings.push(format!(
                "`heartbeat_timeout_threshold=0` has no effect, since a dead connection would not be \
                 detected: the heartbeat is {:?}",
                partial.config.heartbeat
            )),
        }
        Ok(())
    }),
    ("kombu_missing_consumer_retry_timeout", |partial, value| {
        let seconds: u32 = value.number(0, MAX_SECONDS)?;
        partial.config.missing_reply_queue_timeout = Duration::from_secs(seconds.into());
        Ok(())
    }),
    ("rabbit_retry_interval", |partial, value| {
        let seconds: u32 = value.number(1, MAX_SECONDS)?;
        partial.config.backoff.initial = Duration::from_secs(seconds.into());
        Ok(())
    }),
    ("rabbit_interval_max", |partial, value| {
        let seconds: u32 = value.number(1, MAX_SECONDS)?;
        partial.config.backoff.max = Duration::from_secs(seconds.into());
        Ok(())
    }),
    ("rabbit_login_method", login),
    ("ssl", |partial, value| {
        partial.tls_enabled = value.flag()?;
        Ok(())
    }),
    ("ssl_ca_file", ca_file),
    ("ssl_cert_file", cert_file),
    ("ssl_key_file", key_file),
    ("ssl_enforce_hostname_verification", |partial, value| {
        if !value.flag()? {
            partial.config.warnings.push(
                "`ssl_enforce_hostname_verification=false` has no effect: the broker's host name is \
                 always verified; set `server_name` if its certificate has another name"
                    .to_owned(),
            );
        }
        Ok(())
    }),
    // Brokers since 3.0 ignore the argument that it adds to queues, also when they compare declarations.
    ("rabbit_ha_queues", |partial, value| {
        if value.flag()? {
            partial.config.warnings.push(
                "`rabbit_ha_queues` has no effect: brokers have ignored it since 3.0. For replicated \
                 queues, set `rabbit_quorum_queue` in all programs of the topic"
                    .to_owned(),
            );
        }
        Ok(())
    }),
];

/// The options that are accepted and ignored, since no peer would notice a difference: they tune Python's internals, ask for
/// what is always done here.
/// `kombu_compression` is ignored since receivers go by a message's header, not by their own option.
pub(super) const IGNORED: &[&str] = &[
    "conn_pool_min_size",
    "conn_pool_ttl",
    "direct_mandatory_flag",
    "enable_cancel_on_failover",
    // oslo.messaging 12 to 17.
    "heartbeat_in_pthread",
    "heartbeat_rate",
    "kombu_compression",
    "kombu_failover_strategy",
    "kombu_reconnect_delay",
    "kombu_reconnect_splay",
    "rabbit_retry_backoff",
    "rpc_conn_pool_size",
    "ssl_enforce_fips_mode",
    "ssl_version",
];
