//! The configuration of a transport, from URL and builder.

mod builder;
mod secret;
mod stable_names;
mod url;

use std::path::PathBuf;
use std::time::Duration;

pub use self::builder::AmqpBuilder;
pub(crate) use self::secret::Secret;
pub(crate) use self::stable_names::StableNames;
use crate::wire::Dialect;

/// The longest time to live of a queue that RabbitMQ accepts.
pub(crate) const MAX_TTL: Duration = Duration::from_millis(u32::MAX as u64);

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What is sent, and which exchanges and queues it goes through.
    pub(crate) dialect: &'static dyn Dialect,
    /// Never empty; tried in turn.
    pub(crate) hosts: Vec<Host>,
    pub(crate) login: Login,
    pub(crate) virtual_host: String,
    /// `None`: plain TCP.
    pub(crate) tls: Option<Tls>,
    /// The exchange of targets that name none.
    pub(crate) exchange: String,
    pub(crate) queues: Queues,
    /// The prefetch count of each consumer, if messages are acknowledged before their method is invoked. Never 0, which
    /// means unlimited in AMQP.
    pub(crate) prefetch: u16,
    /// How long the broker lets a message stay unacknowledged; `None`: for ever.
    pub(crate) consumer_timeout: Option<Duration>,
    /// Whole seconds, from 1 to `u16::MAX`.
    pub(crate) heartbeat: Duration,
    /// For each attempt on each host.
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff: Backoff,
    /// How long a reply is sent again while its queue is missing.
    pub(crate) missing_reply_queue_timeout: Duration,
    pub(crate) connection_name: String,
    /// The largest body in bytes.
    pub(crate) max_message: usize,
    /// Options of the URL that are known and have no effect.
    pub(crate) ignored_options: Vec<&'static str>,
    /// What an operator should know about options without the expected effect.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Logs which options of the URL have no effect, or not the expected one.
    pub(crate) fn log(&self) {
        for warning in &self.warnings {
            tracing::warn!(%warning, "configuration warning");
        }
        if !self.ignored_options.is_empty() {
            tracing::debug!(options = ?self.ignored_options, "ignored options of the URL");
        }
    }
}

/// A broker's address, and the credentials there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// A name or an IP address; IPv6 without brackets.
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) credentials: Credentials,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl Default for Credentials {
    /// Returns RabbitMQ's default user, whom it accepts from loopback addresses only.
    fn default() -> Self {
        Self { user: "guest".to_owned(), password: Secret::new("guest") }
    }
}

/// The SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Plain,
    AmqPlain,
    /// By the client's certificate.
    External,
}

/// How the broker's certificate is verified, which it always is, host name included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// PEM; `None`: the system's root certificates.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) identity: Option<Identity>,
    /// The name that the broker's certificate must have, if not the host's.
    pub(crate) server_name: Option<String>,
}

/// The client's certificate and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// How queues are declared. All servers of a topic must agree, or the broker rejects the later one (406).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queues {
    /// Queues of topics and servers, and their exchange, are durable. Always true with `quorum`.
    pub(crate) durable: bool,
    /// Queues of topics and servers, and their exchange, are deleted with their last consumer or binding.
    pub(crate) auto_delete: bool,
    /// Queues of topics and servers are quorum queues.
    pub(crate) quorum: bool,
    /// Reply and fanout queues are quorum queues.
    pub(crate) transient_quorum: bool,
    /// For quorum queues of both kinds.
    pub(crate) limits: QuorumLimits,
    /// How long reply and fanout queues outlive their last consumer, from 1 ms to [`MAX_TTL`]; `None`: for ever.
    pub(crate) transient_ttl: Option<Duration>,
    /// Reply and fanout queues have the same names after a restart.
    pub(crate) stable_names: StableNames,
    /// All servers of a topic receive fanouts from one stream. In the oslo dialect only with `transient_quorum`.
    pub(crate) stream_fanout: bool,
    /// How long the stream keeps fanouts; `None`: for ever. All servers of a topic must agree. Set with `transient_ttl`, with
    /// another default.
    pub(crate) stream_max_age: Option<Duration>,
}

/// Limits of quorum queues; `None`: the broker's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QuorumLimits {
    pub(crate) delivery_limit: Option<u32>,
    pub(crate) max_memory_length: Option<u32>,
    pub(crate) max_memory_bytes: Option<u64>,
}

/// Delays between attempts to connect, each twice the one before. Jitter chooses a value up to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) initial: Duration,
    /// At least `initial`.
    pub(crate) max: Duration,
}

impl Config {
    /// Derives what follows from other settings, in whichever order these were made.
    fn normalize(mut self) -> Self {
        self.queues.durable |= self.queues.quorum || self.dialect.always_durable();
        // Otherwise the exchange would not be durable.
        self.queues.transient_quorum |= self.queues.stream_fanout && !self.dialect.always_durable();
        self.backoff.max = self.backoff.max.max(self.backoff.initial);
        self
    }
}
