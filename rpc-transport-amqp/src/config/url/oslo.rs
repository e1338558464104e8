//! The options of oslo.messaging's group `oslo_messaging_rabbit`, which a `transport_url` may override.

use std::time::Duration;

use super::options::{ca_file, cert_file, exchange, key_file, login, transient_ttl};
use super::query::Entry;

const MOST_SECONDS: u32 = 24 * 60 * 60;

/// Those that are followed, and `control_exchange`, which Python programs are told elsewhere.
pub(super) const OPTIONS: &[Entry] = &[
    ("control_exchange", exchange),
    ("amqp_durable_queues", |draft, value| {
        draft.config.queues.durable = value.flag()?;
        Ok(())
    }),
    ("amqp_auto_delete", |draft, value| {
        draft.config.queues.auto_delete = value.flag()?;
        Ok(())
    }),
    ("rabbit_quorum_queue", |draft, value| {
        draft.config.queues.quorum = value.flag()?;
        Ok(())
    }),
    ("rabbit_transient_quorum_queue", |draft, value| {
        draft.config.queues.transient_quorum = value.flag()?;
        Ok(())
    }),
    ("rabbit_quorum_delivery_limit", |draft, value| {
        draft.config.queues.limits.delivery_limit = value.limit(u32::MAX)?;
        Ok(())
    }),
    ("rabbit_quorum_max_memory_length", |draft, value| {
        draft.config.queues.limits.max_memory_length = value.limit(u32::MAX)?;
        Ok(())
    }),
    ("rabbit_quorum_max_memory_bytes", |draft, value| {
        draft.config.queues.limits.max_memory_bytes = value.limit(u64::MAX)?;
        Ok(())
    }),
    ("rabbit_transient_queues_ttl", transient_ttl),
    ("rabbit_qos_prefetch_count", |draft, value| {
        // 0 is any number, which would take the whole queue from the other servers; our default holds then.
        if let Some(window) = value.limit(u16::MAX)? {
            draft.config.window = window;
        }
        Ok(())
    }),
    ("heartbeat_timeout_threshold", |draft, value| {
        match value.limit(u16::MAX)? {
            Some(seconds) => draft.config.heartbeat = Duration::from_secs(seconds.into()),
            None => draft.config.warnings.push(format!(
                "`heartbeat_timeout_threshold=0` is not followed, since a dead link would go \
                 unnoticed: the heartbeat is {:?}",
                draft.config.heartbeat
            )),
        }
        Ok(())
    }),
    ("kombu_missing_consumer_retry_timeout", |draft, value| {
        let seconds: u32 = value.number(0, MOST_SECONDS)?;
        draft.config.missing_reply_queue = Duration::from_secs(seconds.into());
        Ok(())
    }),
    ("rabbit_retry_interval", |draft, value| {
        let seconds: u32 = value.number(1, MOST_SECONDS)?;
        draft.config.backoff.first = Duration::from_secs(seconds.into());
        Ok(())
    }),
    ("rabbit_interval_max", |draft, value| {
        let seconds: u32 = value.number(1, MOST_SECONDS)?;
        draft.config.backoff.longest = Duration::from_secs(seconds.into());
        Ok(())
    }),
    ("rabbit_login_method", login),
    ("ssl", |draft, value| {
        draft.tls_on = value.flag()?;
        Ok(())
    }),
    ("ssl_ca_file", ca_file),
    ("ssl_cert_file", cert_file),
    ("ssl_key_file", key_file),
    ("ssl_enforce_hostname_verification", |draft, value| {
        if !value.flag()? {
            draft.config.warnings.push(
                "`ssl_enforce_hostname_verification` is not followed: the broker's name is always \
                 verified; the option `server_name` says what it is, if not the host's"
                    .to_owned(),
            );
        }
        Ok(())
    }),
    // A server with a fanout queue of its own, bound to the same exchange, gets the same messages as those that read the
    // stream. Only the tail from before its start, which streams repeat, is not repeated to it.
    ("rabbit_stream_fanout", |draft, value| {
        if value.flag()? {
            draft.config.warnings.push(
                "`rabbit_stream_fanout` is not followed: servers get fanouts through queues of \
                 their own, beginning when they start"
                    .to_owned(),
            );
        }
        Ok(())
    }),
    // Brokers since 3.0 pass over the argument that it adds to queues, also when they compare declarations.
    ("rabbit_ha_queues", |draft, value| {
        if value.flag()? {
            draft.config.warnings.push(
                "`rabbit_ha_queues` is not followed, as brokers have ignored it since 3.0: for \
                 replicated queues set `rabbit_quorum_queue` on all programs of the topic"
                    .to_owned(),
            );
        }
        Ok(())
    }),
];

/// Those that change nothing that a peer would notice: they tune Python's own workings, ask for what is always so here, or,
/// as with `use_queue_manager`, choose the names of queues that peers learn from messages. `kombu_compression` is among them
/// since receivers go by a message's header and not by their own option.
pub(super) const WITHOUT_EFFECT: &[&str] = &[
    "conn_pool_min_size",
    "conn_pool_ttl",
    "direct_mandatory_flag",
    "enable_cancel_on_failover",
    // Releases 12 to 17.
    "heartbeat_in_pthread",
    "heartbeat_rate",
    "hostname",
    "kombu_compression",
    "kombu_failover_strategy",
    "kombu_reconnect_delay",
    "kombu_reconnect_splay",
    "processname",
    "rabbit_retry_backoff",
    "rpc_conn_pool_size",
    "ssl_enforce_fips_mode",
    "ssl_version",
    "use_queue_manager",
];
