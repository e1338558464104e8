//! The configuration while options are being read, in any order.

use std::path::PathBuf;

use super::defaults;
use super::scheme::Scheme;
use crate::config::{Config, Host, Identity, Tls};

pub(super) struct PartialConfig {
    pub(super) scheme: Scheme,
    pub(super) config: Config,
    /// Whether the URL asks for a prefetch without a limit.
    pub(super) unlimited_prefetch: bool,
    pub(super) tls_enabled: bool,
    pub(super) tls: Tls,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl PartialConfig {
    /// Creates the configuration of a URL without options.
    pub(super) fn new(scheme: Scheme, hosts: Vec<Host>, virtual_host: String) -> Self {
        let config = defaults::config(scheme.dialect(), hosts, virtual_host);
        Self {
            scheme,
            config,
            unlimited_prefetch: false,
            tls_enabled: scheme.has_tls(),
            tls: Tls::default(),
            certificate: None,
            key: None,
        }
    }

    /// Returns the configuration, once all options have been read.
    pub(super) fn finish(mut self) -> Result<Config, String> {
        self.check_stream()?;
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

    /// Rejects what oslo.messaging rejects: options without which there is no stream.
    fn check_stream(&self) -> Result<(), String> {
        let queues = &self.config.queues;
        if !queues.stream_fanout {
            return Ok(());
        }
        if self.scheme.is_oslo() && !queues.transient_quorum {
            return Err(
                "the option `rabbit_stream_fanout` needs a durable fanout exchange: also set \
                        `rabbit_transient_quorum_queue=true`, in all programs of the topic"
                    .to_owned(),
            );
        }
        if self.unlimited_prefetch {
            return Err("the option `rabbit_stream_fanout` needs a limited prefetch, and \
                        `rabbit_qos_prefetch_count=0` has no limit: set it to 1 or more, or leave it \
                        out for the default of 64"
                .to_owned());
        }
        Ok(())
    }
}
