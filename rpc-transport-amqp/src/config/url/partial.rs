//! The configuration while options are being read, in any order.

use std::path::PathBuf;
use std::time::Duration;

use super::scheme::Scheme;
use crate::config::{Backoff, Config, Host, Identity, Login, Queues, QuorumLimits, Tls};
use crate::wire::Dialect;

pub(super) struct PartialConfig {
    pub(super) scheme: Scheme,
    pub(super) config: Config,
    pub(super) tls_enabled: bool,
    pub(super) tls: Tls,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl PartialConfig {
    /// Creates the default configuration of a scheme.
    pub(super) fn new(scheme: Scheme, hosts: Vec<Host>, virtual_host: String) -> Self {
        let dialect = scheme.dialect();
        let config = Config {
            dialect,
            hosts,
            login: Login::Plain,
            virtual_host,
            tls: None,
            exchange: dialect.default_exchange().to_owned(),
            queues: default_queues(dialect),
            prefetch: 64,
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            backoff: Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(10) },
            missing_reply_queue_timeout: Duration::from_secs(60),
            connection_name: default_connection_name(),
            max_message: 16 * 1024 * 1024,
            ignored_options: Vec::new(),
            warnings: Vec::new(),
        };
        Self {
            scheme,
            config,
            tls_enabled: scheme.has_tls(),
            tls: Tls::default(),
            certificate: None,
            key: None,
        }
    }

    /// Returns the configuration, once all options have been read.
    pub(super) fn finish(mut self) -> Result<Config, String> {
        self.tls.identity = match (self.certificate, self.key) {
            // One file may contain both.
            (Some(certificate), key) => {
                Some(Identity { key: key.unwrap_or_else(|| certificate.clone()), certificate })
            }
            (None, Some(_)) => {
                return Err("there is a key file but no certificate file for it".to_owned());
            }
            (None, None) => None,
        };
        let mut config = self.config;
        if self.tls_enabled {
            config.tls = Some(self.tls);
        } else if self.tls != Tls::default() {
            if !self.scheme.is_oslo() {
                return Err("TLS options need TLS: write `amqps://`".to_owned());
            }
            // oslo.messaging ignores them.
            config
                .warnings
                .push("TLS options have no effect: the option `ssl` is not enabled".to_owned());
        }
        Ok(config)
    }
}

fn default_queues(dialect: &dyn Dialect) -> Queues {
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
    }
}

/// Returns `<program>:<process id>`.
fn default_connection_name() -> String {
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}:{}", std::process::id())
}
