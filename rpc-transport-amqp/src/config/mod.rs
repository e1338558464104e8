//! What a transport is to do, as URL and builder have settled it.

mod builder;
mod url;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use self::builder::AmqpBuilder;

/// What RabbitMQ takes as a queue's time to live.
pub(crate) const LONGEST_TTL: Duration = Duration::from_millis(u32::MAX as u64);

/// Everything that can be set.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) form: Form,
    /// Never empty; tried in turn.
    pub(crate) hosts: Vec<Host>,
    pub(crate) login: Login,
    pub(crate) virtual_host: String,
    /// `None`: plain TCP.
    pub(crate) tls: Option<Tls>,
    /// The exchange of targets that name none.
    pub(crate) exchange: String,
    pub(crate) queues: Queues,
    /// Before-invoke mode: how many messages may wait unacknowledged at each consumer; never 0, which
    /// lifts the limit in AMQP.
    pub(crate) window: u16,
    /// Whole seconds, from 1 to `u16::MAX`.
    pub(crate) heartbeat: Duration,
    /// For each attempt on each host.
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff: Backoff,
    /// How long a reply is tried again while its queue is not there.
    pub(crate) missing_reply_queue: Duration,
    pub(crate) connection_name: String,
    /// The largest body in bytes.
    pub(crate) max_message: usize,
    /// Options of the URL that are known and change nothing here.
    pub(crate) ignored: Vec<&'static str>,
    /// What an operator should know about options that are not followed to the letter.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Says once what of the URL is not followed to the letter.
    pub(crate) fn log(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
        if !self.ignored.is_empty() {
            tracing::debug!(options = ?self.ignored, "options of the URL that change nothing here");
        }
    }
}

/// What is sent, and which exchanges and queues it goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// MessagePack over a topology of our own.
    Native,
    /// JSON in oslo.messaging's envelope, over its topology.
    Oslo,
}

/// A broker's address, and who we are there.
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
    /// RabbitMQ's own, which it takes from loopback addresses only.
    fn default() -> Self {
        Self { user: "guest".to_owned(), password: Secret::new("guest") }
    }
}

/// A text that no log, error or debugger's output may show.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Plain,
    AmqPlain,
    /// The client's certificate says who it is.
    External,
}

/// How the broker is verified, which it always is, host name included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// PEM; `None`: the system's authorities.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) identity: Option<Identity>,
    /// The name that the broker's certificate must carry, if not the host's.
    pub(crate) server_name: Option<String>,
}

/// The client's certificate and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// How queues are declared. All servers of a topic must agree on those of topics, or the broker refuses the later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queues {
    /// Of topics and servers, and their exchange. Always true with `quorum`.
    pub(crate) durable: bool,
    /// Of topics and servers, and their exchange.
    pub(crate) auto_delete: bool,
    /// Topics' and servers' queues are quorum queues.
    pub(crate) quorum: bool,
    /// Reply and fanout queues are quorum queues.
    pub(crate) transient_quorum: bool,
    /// For quorum queues of both kinds.
    pub(crate) limits: QuorumLimits,
    /// How long reply and fanout queues outlive their last consumer, from 1 ms to [`LONGEST_TTL`]; `None`:
    /// for ever.
    pub(crate) transient_ttl: Option<Duration>,
}

/// What a quorum queue may hold; `None`: what the broker says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QuorumLimits {
    pub(crate) delivery_limit: Option<u32>,
    pub(crate) max_memory_length: Option<u32>,
    pub(crate) max_memory_bytes: Option<u64>,
}

/// Pauses between attempts to connect: each twice the one before. They are upper bounds, for jitter to choose below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    /// At least `first`.
    pub(crate) longest: Duration,
}

impl Config {
    /// With what follows from other settings, in whichever order they were made.
    pub(crate) fn settled(mut self) -> Self {
        self.queues.durable |= self.queues.quorum;
        self.backoff.longest = self.backoff.longest.max(self.backoff.first);
        self
    }
}
