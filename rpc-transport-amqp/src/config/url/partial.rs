//! The configuration while options are being read, in any order.

use std::path::PathBuf;

use super::defaults;
use super::scheme::Scheme;
use crate::config::{Config, Host, Identity, Tls};

pub(super) struct PartialConfig {
    pub(super) scheme: Scheme,
    pub(super) config: Config,
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
