//! The defaults of all options, where the URL does not set them.

use std::time::Duration;

use crate::config::stable_names::program_name;
use crate::config::{Backoff, Config, Host, Login, Queues, QuorumLimits, StableNames};
use crate::wire::Dialect;

/// Returns the default configuration of a dialect.
pub(super) fn config(
    dialect: &'static dyn Dialect,
    hosts: Vec<Host>,
    virtual_host: String,
) -> Config {
    Config {
        dialect,
        hosts,
        login: Login::Plain,
        virtual_host,
        tls: None,
        exchange: dialect.default_exchange().to_owned(),
        queues: queues(dialect),
        prefetch: 64,
        // RabbitMQ's default. It tells clients nothing of it.
        consumer_timeout: Some(Duration::from_secs(30 * 60)),
        heartbeat: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        backoff: Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(10) },
        missing_reply_queue_timeout: Duration::from_secs(60),
        connection_name: connection_name(),
        max_message: 16 * 1024 * 1024,
        ignored_options: Vec::new(),
        warnings: Vec::new(),
    }
}

fn queues(dialect: &dyn Dialect) -> Queues {
    Queues {
        // Python servers do not declare durable queues by default, and all servers of a topic must agree.
        durable: dialect.always_durable(),
        auto_delete: false,
        quorum: false,
        transient_quorum: false,
        limits: QuorumLimits::default(),
        // With oslo.messaging's default of half an hour, clients that crash in a loop leave thousands of queues behind.
        // Peers need not agree: the names of these queues are unique.
        transient_ttl: Some(Duration::from_secs(60)),
        stable_names: StableNames::of_this_process(),
        stream_fanout: false,
        // That of oslo.messaging, as all servers of a topic must agree.
        stream_max_age: Some(Duration::from_secs(1800)),
    }
}

/// Returns `<program>:<process id>`.
fn connection_name() -> String {
    format!("{}:{}", program_name(), std::process::id())
}
