//! What can be set on a transport.

use std::path::PathBuf;
use std::time::Duration;

use rpc_core::transport::ConnectError;

use super::url;
use crate::AmqpTransport;
use crate::config::{Config, Form, Identity, LONGEST_TTL};

/// Settings of a RabbitMQ transport, which begin with a URL. What is said last holds.
///
/// # URLs
///
/// | URL | What is sent, and where |
/// |---|---|
/// | `amqp://user:password@host:5672/vhost?options` | MessagePack, over queues of this crate's own form: for topics whose programs all run this crate |
/// | `amqps://user:password@host:5671/vhost?options` | the same over TLS |
/// | `rabbit://user:password@host:5672/vhost?options` | what oslo.messaging sends, over its queues: for topics with Python programs. An OpenStack `transport_url` works as it stands |
///
/// - Several hosts stand between commas, each with its own credentials: `rabbit://a:b@one:5672,a:b@two:5672/`. They are
///   tried in turn. Without credentials it is `guest` with the password `guest`, without any host it is `localhost`.
/// - The virtual host is `/` where none is given; `//` and `/%2F` also name it.
/// - Users, passwords and virtual hosts are percent-encoded: `/` as `%2F`, `@` as `%40`, and so on. Errors and `Debug` never
///   show a password.
///
/// # Options
///
/// For all URLs; methods of this type do the same:
///
/// | Option | Method |
/// |---|---|
/// | `exchange=name` | [`exchange`](Self::exchange) |
/// | `quorum=true` | [`quorum_queues`](Self::quorum_queues) |
/// | `transient_ttl=seconds`, 0: for ever | [`transient_ttl`](Self::transient_ttl) |
/// | `window=messages` | [`window`](Self::window) |
/// | `max_message=bytes` | [`max_message`](Self::max_message) |
/// | `heartbeat=seconds` | [`heartbeat`](Self::heartbeat) |
/// | `connect_timeout=seconds` | [`connect_timeout`](Self::connect_timeout) |
/// | `connection_name=text` | [`connection_name`](Self::connection_name) |
/// | `ca_file=path` | [`ca_file`](Self::ca_file) |
/// | `cert_file=path`, `key_file=path` | [`client_certificate`](Self::client_certificate) |
/// | `server_name=name`: the name in the broker's certificate, if not the host's | – |
/// | `login=PLAIN`, `AMQPLAIN` or `EXTERNAL` (by client certificate); default: `PLAIN` | – |
///
/// For `rabbit://`, all options of oslo.messaging's group `oslo_messaging_rabbit`, and `control_exchange`. With effect are:
/// `amqp_auto_delete`, `amqp_durable_queues`, `heartbeat_timeout_threshold`, `kombu_missing_consumer_retry_timeout`,
/// `rabbit_interval_max`, `rabbit_login_method`, `rabbit_qos_prefetch_count`, `rabbit_quorum_delivery_limit`,
/// `rabbit_quorum_max_memory_bytes`, `rabbit_quorum_max_memory_length`, `rabbit_quorum_queue`, `rabbit_retry_interval`,
/// `rabbit_transient_queues_ttl`, `rabbit_transient_quorum_queue`, `ssl`, `ssl_ca_file`, `ssl_cert_file` and
/// `ssl_key_file`. The others are accepted. Defaults differ from Python's where that concerns one program alone.
#[derive(Debug, Clone)]
#[must_use]
pub struct AmqpBuilder {
    config: Config,
}

impl AmqpBuilder {
    /// What `url` says, and defaults for the rest.
    ///
    /// # Errors
    ///
    /// The URL cannot be read, or has an option that does not exist or a value that does not fit.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        Ok(Self { config: url::parse(url)? })
    }

    /// The exchange of targets that name none, at most 255 bytes. Default: `rpc`, with `rabbit://` `openstack`.
    ///
    /// In oslo.messaging: `control_exchange`.
    pub fn exchange(mut self, name: impl Into<String>) -> Self {
        self.config.exchange = name.into();
        self
    }

    /// Whether topics and servers have quorum queues, which are durable and replicated over the brokers of a cluster.
    /// Default: no.
    ///
    /// All servers of a topic must say the same, since the broker refuses a queue that exists otherwise. In
    /// oslo.messaging: `rabbit_quorum_queue`.
    pub const fn quorum_queues(mut self, quorum: bool) -> Self {
        self.config.queues.quorum = quorum;
        self
    }

    /// Whether the queues of topics and servers outlive a restart of the broker. Default with `rabbit://`: no, as in Python
    /// programs. With `amqp://` they always do, and with quorum queues too.
    ///
    /// All servers of a topic must say the same. In oslo.messaging: `amqp_durable_queues`. RabbitMQ 4.3 refuses queues that
    /// are not durable unless it is told otherwise.
    pub const fn durable_queues(mut self, durable: bool) -> Self {
        if matches!(self.config.form, Form::Oslo) {
            self.config.queues.durable = durable;
        }
        self
    }

    /// How long the queues for replies and fanouts outlive their last consumer, such as one that crashed;
    /// from 1 ms to 49 days. Default: 60 s.
    ///
    /// It is also how long a client may be cut off and still get replies that were sent meanwhile. In oslo.messaging:
    /// `rabbit_transient_queues_ttl`, there half an hour.
    pub fn transient_ttl(mut self, ttl: Duration) -> Self {
        self.config.queues.transient_ttl = Some(ttl.clamp(Duration::from_millis(1), LONGEST_TTL));
        self
    }

    /// How many messages may wait at each of a server's consumers beyond those that run, when messages are acknowledged
    /// before their method is invoked; never more than the server runs at a time. Default: 64; at least 1.
    ///
    /// What waits there for a tenth of a second is passed on, if other servers of the topic are free. In oslo.messaging:
    /// `rabbit_qos_prefetch_count`, there unlimited.
    pub const fn window(mut self, messages: u16) -> Self {
        self.config.window = if messages == 0 { 1 } else { messages };
        self
    }

    /// The largest message in bytes, as sent. Default: 16 MiB, RabbitMQ's own.
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.config.max_message = bytes;
        self
    }

    /// How often each side shows that it is alive, in whole seconds from 1 to 65535. The broker may ask for less. Default:
    /// 10 s; below 5 s a busy machine is easily taken for dead.
    ///
    /// In oslo.messaging: `heartbeat_timeout_threshold`, there 60 s.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.config.heartbeat = Duration::from_secs(interval.as_secs().clamp(1, u16::MAX.into()));
        self
    }

    /// How long one attempt to connect to one host may take, TLS and login included; at least 1 ms. Default: 5 s.
    ///
    /// There is no such option in oslo.messaging.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// What the broker's management shows as the connections' name. Default: the program's name and process number.
    ///
    /// In oslo.messaging it is made from the same and not an option.
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.config.connection_name = name.into();
        self
    }

    /// The PEM file of authorities that the broker's certificate is verified with. Default: the system's.
    ///
    /// This turns TLS on; the port stays that of the URL. In oslo.messaging: `ssl_ca_file`.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.tls.get_or_insert_default().ca_file = Some(path.into());
        self
    }

    /// The PEM files of the certificate that shows the broker who this client is, and of its key. Default: none.
    ///
    /// This turns TLS on; the port stays that of the URL. In oslo.messaging: `ssl_cert_file` and `ssl_key_file`.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let identity = Identity { certificate: certificate.into(), key: key.into() };
        self.config.tls.get_or_insert_default().identity = Some(identity);
        self
    }

    /// The transport. Nothing is connected before it is first used.
    #[must_use]
    pub fn build(self) -> AmqpTransport {
        AmqpTransport::new(self.into_config())
    }

    pub(crate) fn into_config(self) -> Config {
        self.config.settled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(url: &str) -> AmqpBuilder {
        AmqpBuilder::from_url(url).unwrap()
    }

    #[test]
    fn setters_override_what_the_url_says() {
        let config =
            builder("amqps://h/?exchange=a&window=7&heartbeat=20&transient_ttl=9&ca_file=x")
                .exchange("b")
                .window(8)
                .heartbeat(Duration::from_secs(30))
                .transient_ttl(Duration::from_secs(5))
                .max_message(1024)
                .connect_timeout(Duration::from_secs(2))
                .connection_name("billing")
                .ca_file("/ca.pem")
                .client_certificate("/me.pem", "/me.key")
                .into_config();
        assert_eq!((config.exchange.as_str(), config.window), ("b", 8));
        assert_eq!(config.heartbeat, Duration::from_secs(30));
        assert_eq!(config.queues.transient_ttl, Some(Duration::from_secs(5)));
        assert_eq!(config.connect_timeout, Duration::from_secs(2));
        assert_eq!((config.max_message, config.connection_name.as_str()), (1024, "billing"));
        let tls = config.tls.unwrap();
        assert_eq!(tls.ca_file, Some("/ca.pem".into()));
        let identity = Identity { certificate: "/me.pem".into(), key: "/me.key".into() };
        assert_eq!(tls.identity, Some(identity));
    }

    #[test]
    fn values_out_of_range_become_the_nearest_possible() {
        let config = builder("amqp://h")
            .window(0)
            .heartbeat(Duration::from_millis(10))
            .transient_ttl(Duration::ZERO)
            .connect_timeout(Duration::ZERO)
            .into_config();
        assert_eq!((config.window, config.heartbeat), (1, Duration::from_secs(1)));
        assert_eq!(config.queues.transient_ttl, Some(Duration::from_millis(1)));
        assert_eq!(config.connect_timeout, Duration::from_millis(1));
        let config = builder("amqp://h").heartbeat(Duration::MAX).transient_ttl(Duration::MAX);
        assert_eq!(config.config.heartbeat, Duration::from_secs(65535));
        assert_eq!(config.config.queues.transient_ttl, Some(LONGEST_TTL));
    }

    #[test]
    fn quorum_queues_are_durable_in_either_order() {
        let url = "rabbit://h";
        let first = builder(url).quorum_queues(true).durable_queues(false).into_config();
        let last = builder(url).durable_queues(false).quorum_queues(true).into_config();
        assert!(first.queues.durable && last.queues.durable);
        let taken_back = builder(url).quorum_queues(true).quorum_queues(false).into_config();
        assert!(!taken_back.queues.durable);
        assert!(builder("rabbit://h?rabbit_quorum_queue=1").into_config().queues.durable);
    }

    #[test]
    fn native_queues_stay_durable() {
        assert!(builder("amqp://h").durable_queues(false).into_config().queues.durable);
        assert!(builder("rabbit://h").durable_queues(true).into_config().queues.durable);
    }

    #[test]
    fn a_first_pause_raises_the_longest_one() {
        let config = builder("rabbit://h?rabbit_retry_interval=25").into_config();
        assert_eq!(config.backoff.first, Duration::from_secs(25));
        assert_eq!(config.backoff.longest, Duration::from_secs(25));
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
