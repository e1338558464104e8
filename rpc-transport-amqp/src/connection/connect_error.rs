//! Errors of attempts to connect, told apart so that an operator knows what to change.

use std::fmt;
use std::io;

use lapin::{Error, ErrorKind};

use crate::config::{Config, Host};

/// The error of one attempt to connect to one host. Never holds a password.
#[derive(Debug, Clone)]
pub(crate) struct ConnectError {
    pub(super) cause: Cause,
    text: String,
}

/// What an attempt to connect failed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The host does not answer, or not in time.
    Unreachable,
    /// One side speaks TLS and the other does not, or the other side does not speak AMQP.
    ProtocolMismatch,
    /// A certificate or key file cannot be used.
    TlsFile,
    /// The broker's certificate cannot be verified.
    ServerCertificate,
    /// The broker does not accept the client's certificate, or requires one.
    ClientCertificate,
    /// The user or its password is wrong.
    Credentials,
    /// The virtual host does not exist, or the user has no access to it.
    VirtualHost,
    /// Any other error of the broker.
    Protocol,
}

impl ConnectError {
    /// Creates the error, with advice for its cause.
    pub(super) fn new(cause: Cause, host: &Host, reason: impl fmt::Display) -> Self {
        let advice = match cause {
            Cause::ProtocolMismatch => {
                "; a port for TLS takes `amqps://`, or the option `ssl=1` with `rabbit://`; another one takes `amqp://` or \
                 `rabbit://` alone"
            }
            Cause::ServerCertificate => {
                "; the option `ca_file` says whose certificates are trusted, `server_name` the name that the broker's is for, \
                 if not the host's"
            }
            Cause::ClientCertificate => {
                "; give this client a certificate that the broker's authorities have signed, by the options `cert_file` and \
                 `key_file`"
            }
            Cause::Credentials => "; compare user and password with the broker's users",
            Cause::VirtualHost => {
                "; compare the URL's path with the broker's virtual hosts and the user's permissions"
            }
            Cause::Unreachable | Cause::TlsFile | Cause::Protocol => "",
        };
        let text = format!("{}:{}: {reason}{advice}", host.name, host.port);
        Self { cause, text }
    }

    /// Creates the error of a TLS handshake.
    pub(super) fn of_tls(host: &Host, error: &io::Error) -> Self {
        match tls_cause(error) {
            Cause::ProtocolMismatch => {
                Self::new(Cause::ProtocolMismatch, host, "what answers there does not speak TLS")
            }
            Cause::ClientCertificate => Self::of_client_certificate(host, error),
            cause => Self::new(cause, host, error),
        }
    }

    fn of_client_certificate(host: &Host, error: impl fmt::Display) -> Self {
        let reason = format!(
            "the broker does not accept the certificate of this client, or that it has none: {error}"
        );
        Self::new(Cause::ClientCertificate, host, reason)
    }

    /// Creates the error of an AMQP handshake.
    pub(super) fn of_handshake(config: &Config, host: &Host, error: &Error) -> Self {
        let user = &host.credentials.user;
        match handshake_cause(error) {
            Cause::Credentials => Self::new(
                Cause::Credentials,
                host,
                format!("the broker refuses user `{user}` or its password"),
            ),
            Cause::VirtualHost => {
                let reason =
                    format!("user `{user}` cannot use the virtual host `{}`", config.virtual_host);
                Self::new(Cause::VirtualHost, host, reason)
            }
            Cause::ClientCertificate => Self::of_client_certificate(host, error),
            Cause::ProtocolMismatch => {
                Self::new(Cause::ProtocolMismatch, host, "what answers there does not speak AMQP")
            }
            cause => Self::new(cause, host, error),
        }
    }

    /// Returns whether the configuration has to be changed before another attempt can succeed.
    pub(super) fn is_permanent(&self) -> bool {
        !matches!(self.cause, Cause::Unreachable | Cause::Protocol)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns what an AMQP handshake failed at.
fn handshake_cause(error: &Error) -> Cause {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.get_id() {
            // NOT_ALLOWED: the virtual host does not exist; or its connection limit is reached, which can pass.
            530 if refused.get_message().as_str().contains("limit") => Cause::Protocol,
            530 => Cause::VirtualHost,
            // ACCESS_REFUSED: the user has no access to the virtual host, or its password is wrong.
            403 if refused.get_message().as_str().contains("vhost") => Cause::VirtualHost,
            403 => Cause::Credentials,
            _ => Cause::Protocol,
        },
        ErrorKind::AuthProviderError(_) => Cause::Credentials,
        ErrorKind::IOError(error) => tls_cause(error),
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) => {
            Cause::ProtocolMismatch
        }
        _ => Cause::Protocol,
    }
}

/// Returns what a TLS handshake failed at. Only the text of the TLS library's error tells. A broker that requires a certificate
/// says so after the client takes the handshake for complete.
fn tls_cause(error: &io::Error) -> Cause {
    /// The alerts by which brokers reject certificates: with TLS 1.2 only the first.
    const ALERTS: [&str; 8] = [
        "HandshakeFailure",
        "CertificateRequired",
        "BadCertificate",
        "UnsupportedCertificate",
        "CertificateRevoked",
        "CertificateExpired",
        "CertificateUnknown",
        "UnknownCA",
    ];
    let text = error.to_string();
    match text.split_once("received fatal alert: ") {
        Some((_, alert)) if ALERTS.contains(&alert) => Cause::ClientCertificate,
        None if text.contains("invalid peer certificate") => Cause::ServerCertificate,
        None if text.contains("received corrupt message") => Cause::ProtocolMismatch,
        _ => Cause::Unreachable,
    }
}
