//! Settings while options are still being read, in any order.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Backoff, Config, Form, Host, Identity, Login, Queues, QuorumLimits, Tls};

pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) tls_on: bool,
    pub(super) tls: Tls,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl Draft {
    pub(super) fn new(form: Form, hosts: Vec<Host>, virtual_host: String) -> Self {
        let config = Config {
            form,
            hosts,
            login: Login::Plain,
            virtual_host,
            tls: None,
            exchange: default_exchange(form).to_owned(),
            queues: default_queues(form),
            window: 64,
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            backoff: Backoff {
                first: Duration::from_millis(100),
                longest: Duration::from_secs(10),
            },
            missing_reply_queue: Duration::from_secs(60),
            connection_name: program(),
            max_message: 16 * 1024 * 1024,
            ignored: Vec::new(),
            warnings: Vec::new(),
        };
        Self { config, tls_on: false, tls: Tls::default(), certificate: None, key: None }
    }

    /// The settings, once all options have been read.
    pub(super) fn settle(mut self) -> Result<Config, String> {
        self.tls.identity = match (self.certificate, self.key) {
            // The file may hold both.
            (Some(certificate), key) => {
                Some(Identity { key: key.unwrap_or_else(|| certificate.clone()), certificate })
            }
            (None, Some(_)) => {
                return Err("there is a key file but no certificate file for it".to_owned());
            }
            (None, None) => None,
        };
        let mut config = self.config;
        if self.tls_on {
            config.tls = Some(self.tls);
        } else if self.tls != Tls::default() {
            match config.form {
                Form::Native => {
                    return Err("files and names for TLS need TLS: write `amqps://`".to_owned());
                }
                // oslo.messaging passes over them.
                Form::Oslo => config.warnings.push(
                    "files and names for TLS have no effect: the option `ssl` is not on".to_owned(),
                ),
            }
        }
        Ok(config)
    }
}

const fn default_exchange(form: Form) -> &'static str {
    match form {
        Form::Native => "rpc",
        Form::Oslo => "openstack",
    }
}

const fn default_queues(form: Form) -> Queues {
    Queues {
        // oslo.messaging's default, which Python servers of the same topic have unless told otherwise.
        durable: matches!(form, Form::Native),
        auto_delete: false,
        quorum: false,
        transient_quorum: false,
        limits: QuorumLimits {
            delivery_limit: None,
            max_memory_length: None,
            max_memory_bytes: None,
        },
        // oslo.messaging's half an hour leaves thousands of queues behind when clients crash in a loop. The queues' names
        // are our own, so peers need not agree.
        transient_ttl: Some(Duration::from_secs(60)),
    }
}

/// How this process calls itself: its program and its number.
fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}:{}", std::process::id())
}
