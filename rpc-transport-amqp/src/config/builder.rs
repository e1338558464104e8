//! The builder of a transport.

use std::path::PathBuf;
use std::time::Duration;

use rpc_core::transport::ConnectError;

use super::{Config, Identity, MAX_TTL, StableNames, url};

/// Configures a RabbitMQ transport. It begins with a URL; methods called later override it.
///
/// ```
/// use std::time::Duration;
/// use rpc_transport_amqp::AmqpBuilder;
///
/// # fn main() -> Result<(), rpc_core::transport::ConnectError> {
/// let builder = AmqpBuilder::from_url("amqps://billing:s3cret@mq-1,billing:s3cret@mq-2/prod?quorum=true")?
///     .heartbeat(Duration::from_secs(20))
///     .connection_name("billing");
/// # drop(builder);
/// # Ok(())
/// # }
/// ```
///
/// # URLs
///
/// | URL | Format and queues | Use for |
/// |---|---|---|
/// | `amqp://user:password@host:5672/vhost?options` | MessagePack, over this crate's own queues | topics whose services all use this crate |
/// | `amqps://user:password@host:5671/vhost?options` | the same, over TLS | |
/// | `rabbit://user:password@host:5672/vhost?options` | oslo.messaging's JSON, over its queues | topics with Python services; an OpenStack `transport_url` works unchanged |
///
/// - **Hosts**: separate several hosts by commas, and give each its own credentials: `rabbit://a:b@one:5672,a:b@two:5672/`.
///   They are tried in turn. Without any, the host is `localhost`.
/// - **Credentials**: without them, the user is `guest` with the password `guest`.
/// - **Virtual host**: `/` where the URL has none, or ends in `/`, `//` or `/%2F`.
/// - **Special characters** in user names, passwords and virtual hosts are percent-encoded: `/` as `%2F`, `@` as `%40`.
/// - Errors, logs and `Debug` never show a password.
///
/// # Options
///
/// For URLs of all schemes. An unknown option is an error. A boolean is `true` or `false`, `1` or `0`, `yes` or `no`, `on`
/// or `off`.
///
/// | Option | Unit | Default | Meaning |
/// |---|---|---|---|
/// | `exchange` | name | `rpc`; with `rabbit://` `openstack` | [Exchange of targets that name none](Self::exchange) |
/// | `quorum` | boolean | `false` | [Quorum queues](Self::quorum_queues) for topics and servers |
/// | `transient_ttl` | seconds, decimals allowed; 0: for ever | 60; of a stream 1800 | [How long reply and fanout queues outlive a lost client or server](Self::transient_ttl) |
/// | `stable_names` | boolean | `false` | [Names of reply and fanout queues stay](Self::stable_names) |
/// | `hostname`, `processname` | names | this host's and program's | What these names contain |
/// | `stream_fanout` | boolean | `false` | [One stream of fanouts for all servers of a topic](Self::stream_fanout) |
/// | `prefetch` | messages, 1 to 65535 | 64 | [Messages that each consumer prefetches](Self::prefetch) |
/// | `consumer_timeout` | seconds, decimals allowed; 0: none | 1800 (30 min) | [The broker's limit on unacknowledged messages](Self::consumer_timeout) |
/// | `max_message` | bytes | 16777216 (16 MiB) | [The largest message](Self::max_message) |
/// | `heartbeat` | seconds, 1 to 65535 | 10 | [Interval of connection heartbeats](Self::heartbeat) |
/// | `connect_timeout` | seconds, decimals allowed, 0.001 to 86400 | 5 | [Time for one attempt to connect to one host](Self::connect_timeout) |
/// | `connection_name` | text | `<program>:<process id>` | [Name in the broker's management UI](Self::connection_name) |
/// | `ca_file` | path, PEM | the system's root certificates | [Certificates that the broker's is verified with](Self::ca_file) |
/// | `cert_file`, `key_file` | paths, PEM; the certificate's file may contain the key | none | [Client certificate](Self::client_certificate) |
/// | `server_name` | host name | the host of the URL | Name that the broker's certificate must have |
/// | `login` | `PLAIN`, `AMQPLAIN` or `EXTERNAL` | `PLAIN` | SASL mechanism; `EXTERNAL` logs in by client certificate |
///
/// # Options of oslo.messaging
///
/// A `rabbit://` URL also accepts `control_exchange` and all options of oslo.messaging's group `oslo_messaging_rabbit`.
/// These have an effect:
///
/// | Option | Unit | Default | Meaning |
/// |---|---|---|---|
/// | `control_exchange` | name | `openstack` | `exchange` |
/// | `amqp_durable_queues` | boolean | `false` | [Durable queues](Self::durable_queues) for topics and servers |
/// | `amqp_auto_delete` | boolean | `false` | The broker deletes the queues of topics and servers with their last consumer |
/// | `rabbit_quorum_queue` | boolean | `false` | `quorum` |
/// | `rabbit_transient_quorum_queue` | boolean | `false` | Reply and fanout queues are quorum queues |
/// | `rabbit_quorum_delivery_limit` | deliveries; 0: the broker's default | 0 | How often a quorum queue delivers a message again |
/// | `rabbit_quorum_max_memory_length` | messages; 0: the broker's default | 0 | Messages that a quorum queue keeps in memory |
/// | `rabbit_quorum_max_memory_bytes` | bytes; 0: the broker's default | 0 | Bytes that a quorum queue keeps in memory |
/// | `rabbit_transient_queues_ttl` | seconds; 0: for ever | 60 (Python: 1800); of a stream 1800 | `transient_ttl` |
/// | `use_queue_manager` | boolean | `false` | `stable_names` |
/// | `rabbit_stream_fanout` | boolean | `false` | `stream_fanout`; needs `rabbit_transient_quorum_queue`, and a prefetch other than 0 |
/// | `rabbit_qos_prefetch_count` | messages; 0: the default | 64 (Python: unlimited) | `prefetch` |
/// | `heartbeat_timeout_threshold` | seconds | 10 (Python: 60) | `heartbeat`; 0 is not followed |
/// | `kombu_missing_consumer_retry_timeout` | seconds | 60 | How long a server retries a reply whose queue is missing |
/// | `rabbit_retry_interval` | seconds | 0.1 (Python: 1) | Delay before the second attempt to connect; it doubles each time |
/// | `rabbit_interval_max` | seconds | 10 (Python: 30) | Longest delay between attempts to connect |
/// | `rabbit_login_method` | as `login` | `PLAIN` | `login` |
/// | `ssl` | boolean | `false` | TLS |
/// | `ssl_ca_file`, `ssl_cert_file`, `ssl_key_file` | paths, PEM | as above | `ca_file`, `cert_file`, `key_file` |
///
/// The others are accepted and ignored. Where ignoring one is not what its author expects
/// (`ssl_enforce_hostname_verification=false`, `rabbit_ha_queues`), the log has a warning.
#[derive(Debug, Clone)]
#[must_use]
pub struct AmqpBuilder {
    config: Config,
}

impl AmqpBuilder {
    /// Parses a URL. What it does not set has its default.
    ///
    /// # Errors
    ///
    /// Fails if the URL is invalid, has an unknown option, or an option with an invalid value. The error says which, and shows no
    /// password.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        Ok(Self { config: url::parse(url)? })
    }

    /// Sets the exchange of targets that name none; at most 255 bytes. Default: `rpc`, with `rabbit://` `openstack`.
    ///
    /// In oslo.messaging: `control_exchange`.
    pub fn exchange(mut self, name: impl Into<String>) -> Self {
        self.config.exchange = name.into();
        self
    }

    /// Sets whether topics and servers have quorum queues, which are durable and replicated in a cluster. Default: no.
    ///
    /// All servers of a topic must agree: the broker rejects a queue that exists with other properties. In oslo.messaging:
    /// `rabbit_quorum_queue`.
    pub const fn quorum_queues(mut self, quorum: bool) -> Self {
        self.config.queues.quorum = quorum;
        self
    }

    /// Has reply and fanout queues keep their names when the program is started again, and stay until they expire. Their names
    /// contain host and process, and a number in the order in which transports and servers are made. Default: random names, and
    /// queues that are deleted when their process ends.
    ///
    /// A process whose name is taken by another one uses the next number. Fanouts that come while the program is down, and before
    /// the queue expires, are delivered when it is started again. In oslo.messaging: `use_queue_manager`, `hostname`,
    /// `processname`. Processes in Python and in Rust must not have the same host and process.
    pub fn stable_names(mut self, host: impl Into<String>, process: impl Into<String>) -> Self {
        let (host, process) = (host.into(), process.into());
        self.config.queues.stable_names = StableNames { enabled: true, host, process };
        self
    }

    /// Sets whether all servers of a topic receive fanouts from one stream, instead of a fanout queue each. Default: no.
    ///
    /// A server begins behind what was sent before it started. After a lost connection it goes on behind what it has received, so
    /// it misses no fanout that the stream still has, and runs none twice. The stream keeps fanouts for
    /// [`transient_ttl`](Self::transient_ttl), 30 minutes by default, and is never deleted: to go back, delete it.
    ///
    /// All servers of a topic must agree, also about the time. With `rabbit://` this also makes reply queues quorum queues, as it
    /// does in Python. In oslo.messaging: `rabbit_stream_fanout`.
    pub const fn stream_fanout(mut self, stream: bool) -> Self {
        self.config.queues.stream_fanout = stream;
        self
    }

    /// Sets whether the queues of topics and servers survive a restart of the broker. Default with `rabbit://`: no, as in
    /// Python. With `amqp://`, and with quorum queues, they always do.
    ///
    /// All servers of a topic must agree. RabbitMQ 4 deprecates queues that are not durable: Debian's 4.3 permits them with a
    /// warning; hosted services, and the setting `deprecated_features.permit.transient_nonexcl_queues = false`, refuse them.
    /// In oslo.messaging: `amqp_durable_queues`.
    pub const fn durable_queues(mut self, durable: bool) -> Self {
        self.config.queues.durable = durable;
        self
    }

    /// Sets how long reply and fanout queues outlive their last consumer, such as one that crashed; from 1 ms to 49 days.
    /// Default: 60 s.
    ///
    /// This is also how long a client may be disconnected and still receive the replies that were sent meanwhile, and how long a
    /// [stream](Self::stream_fanout) keeps fanouts, in whole seconds. In oslo.messaging: `rabbit_transient_queues_ttl`, with a
    /// default of 30 minutes, which is also that of a stream here.
    pub fn transient_ttl(mut self, ttl: Duration) -> Self {
        let ttl = ttl.clamp(Duration::from_millis(1), MAX_TTL);
        self.config.queues.transient_ttl = Some(ttl);
        self.config.queues.stream_max_age = Some(ttl);
        self
    }

    /// Sets how many messages each consumer of a server prefetches beyond those whose methods run, if messages are
    /// acknowledged before the method is invoked. Default: 64; at least 1, at most the server's concurrency limit.
    ///
    /// A message that waits in the prefetch buffer for 100 ms is redistributed if other servers of the topic are idle. In
    /// oslo.messaging: `rabbit_qos_prefetch_count`, with no limit by default.
    pub const fn prefetch(mut self, messages: u16) -> Self {
        self.config.prefetch = if messages == 0 { 1 } else { messages };
        self
    }

    /// States how long the broker lets a message stay unacknowledged, if its setting `consumer_timeout` was changed; zero: for
    /// ever, as classic queues do since RabbitMQ 4.3. Default: 30 minutes, as in RabbitMQ, which does not tell clients.
    ///
    /// This changes nothing at the broker. With `AckMode::AfterReply` the log has a warning for each method that has run for half
    /// of that, as the broker delivers its message again at the limit. oslo.messaging has no such option.
    pub fn consumer_timeout(mut self, timeout: Duration) -> Self {
        self.config.consumer_timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// Sets the size of the largest message in bytes, as sent. Default: 16 MiB, as in RabbitMQ.
    ///
    /// It is also the limit of a compressed body once it is decompressed. Beyond 1 MiB such a body may expand to at most 100
    /// times its size.
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.config.max_message = bytes;
        self
    }

    /// Sets the interval of connection heartbeats in whole seconds, from 1 to 65535. The broker may ask for a shorter one.
    /// Default: 10 s.
    ///
    /// Below 5 s, a busy machine may miss heartbeats and lose its connections. In oslo.messaging: `heartbeat_timeout_threshold`, with a default
    /// of 60 s.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.config.heartbeat = Duration::from_secs(interval.as_secs().clamp(1, u16::MAX.into()));
        self
    }

    /// Sets how long one attempt to connect to one host may take, TLS and login included; at least 1 ms. Default: 5 s.
    ///
    /// oslo.messaging has no such option.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Sets the name of the connections in the broker's management UI. Default: `<program>:<process id>`.
    ///
    /// oslo.messaging has no such option.
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.config.connection_name = name.into();
        self
    }

    /// Sets the PEM file of the certificates that the broker's certificate is verified with. Default: the system's root
    /// certificates.
    ///
    /// This enables TLS; the port stays that of the URL. In oslo.messaging: `ssl_ca_file`.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.tls.get_or_insert_default().ca_file = Some(path.into());
        self
    }

    /// Sets the PEM files of the client certificate and its key. Default: none.
    ///
    /// This enables TLS; the port stays that of the URL. In oslo.messaging: `ssl_cert_file` and `ssl_key_file`.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let identity = Identity { certificate: certificate.into(), key: key.into() };
        self.config.tls.get_or_insert_default().identity = Some(identity);
        self
    }

    pub(crate) fn into_config(self) -> Config {
        self.config.normalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(url: &str) -> AmqpBuilder {
        AmqpBuilder::from_url(url).unwrap()
    }

    #[test]
    fn setters_override_the_url() {
        let config =
            builder("amqps://h/?exchange=a&prefetch=7&heartbeat=20&transient_ttl=9&ca_file=x")
                .exchange("b")
                .prefetch(8)
                .heartbeat(Duration::from_secs(30))
                .transient_ttl(Duration::from_secs(5))
                .max_message(1024)
                .consumer_timeout(Duration::from_secs(3600))
                .connect_timeout(Duration::from_secs(2))
                .connection_name("billing")
                .ca_file("/ca.pem")
                .client_certificate("/me.pem", "/me.key")
                .into_config();
        assert_eq!((config.exchange.as_str(), config.prefetch), ("b", 8));
        assert_eq!(config.heartbeat, Duration::from_secs(30));
        assert_eq!(config.queues.transient_ttl, Some(Duration::from_secs(5)));
        assert_eq!(config.connect_timeout, Duration::from_secs(2));
        assert_eq!((config.max_message, config.connection_name.as_str()), (1024, "billing"));
        assert_eq!(config.consumer_timeout, Some(Duration::from_secs(3600)));
        let tls = config.tls.unwrap();
        assert_eq!(tls.ca_file, Some("/ca.pem".into()));
        let identity = Identity { certificate: "/me.pem".into(), key: "/me.key".into() };
        assert_eq!(tls.identity, Some(identity));
    }

    #[test]
    fn values_out_of_range_become_the_nearest_possible() {
        let config = builder("amqp://h")
            .prefetch(0)
            .heartbeat(Duration::from_millis(10))
            .transient_ttl(Duration::ZERO)
            .connect_timeout(Duration::ZERO)
            .consumer_timeout(Duration::ZERO)
            .into_config();
        assert_eq!((config.prefetch, config.heartbeat), (1, Duration::from_secs(1)));
        assert_eq!(config.queues.transient_ttl, Some(Duration::from_millis(1)));
        assert_eq!(config.connect_timeout, Duration::from_millis(1));
        assert_eq!(config.consumer_timeout, None);
        let config = builder("amqp://h").heartbeat(Duration::MAX).transient_ttl(Duration::MAX);
        assert_eq!(config.config.heartbeat, Duration::from_secs(65535));
        assert_eq!(config.config.queues.transient_ttl, Some(MAX_TTL));
    }

    #[test]
    fn quorum_queues_are_durable_in_either_order() {
        let url = "rabbit://h";
        let first = builder(url).quorum_queues(true).durable_queues(false).into_config();
        let last = builder(url).durable_queues(false).quorum_queues(true).into_config();
        assert!(first.queues.durable && last.queues.durable);
        let unset = builder(url).quorum_queues(true).quorum_queues(false).into_config();
        assert!(!unset.queues.durable);
        assert!(builder("rabbit://h?rabbit_quorum_queue=1").into_config().queues.durable);
    }

    #[test]
    fn a_stream_of_fanouts_has_the_durable_exchange_that_it_needs() {
        let config = builder("rabbit://h").stream_fanout(true).into_config();
        assert!(config.queues.stream_fanout && config.queues.transient_quorum);
        let config = builder("amqp://h").stream_fanout(true).into_config();
        assert!(config.queues.stream_fanout && !config.queues.transient_quorum);
        let config = builder("amqp://h").transient_ttl(Duration::from_secs(9)).into_config();
        assert_eq!(config.queues.stream_max_age, Some(Duration::from_secs(9)));
    }

    #[test]
    fn native_queues_stay_durable() {
        assert!(builder("amqp://h").durable_queues(false).into_config().queues.durable);
        assert!(builder("rabbit://h").durable_queues(true).into_config().queues.durable);
    }

    #[test]
    fn an_initial_delay_raises_the_longest_one() {
        let config = builder("rabbit://h?rabbit_retry_interval=25").into_config();
        assert_eq!(config.backoff.initial, Duration::from_secs(25));
        assert_eq!(config.backoff.max, Duration::from_secs(25));
    }

    #[test]
    fn debug_output_shows_no_password() {
        let builder = builder("rabbit://ada:hunter2@one,bob:swordfish@two/v");
        let texts = [format!("{builder:?}"), format!("{:#?}", builder.into_config())];
        for text in texts {
            assert!(text.contains("ada") && text.contains("two"), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("swordfish"), "{text}");
        }
    }
}
