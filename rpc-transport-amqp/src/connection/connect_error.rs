//! Errors of attempts to connect, told apart so that an operator knows what to change.

use std::fmt;
use std::io;

use rpc_amqp::{BrokerError, Error};

use super::broker_error::{LIMIT_ADVICE, is_limit, is_vhost_refused};
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
    #[cfg_attr(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")), expect(dead_code))]
    ServerCertificate,
    /// The broker does not accept the client's certificate, or requires one.
    ClientCertificate,
    /// The broker offers no such way to log in.
    LoginMechanism,
    /// The user or its password is wrong.
    Credentials,
    /// The virtual host does not exist, or the user has no access to it.
    VirtualHost,
    /// The virtual host, the user or the broker has as many connections as are allowed. That can pass.
    Limit,
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
            Cause::LoginMechanism => "; the option `login` selects another one",
            Cause::Credentials => "; compare user and password with the broker's users",
            Cause::VirtualHost => {
                "; compare the URL's path with the broker's virtual hosts and the user's permissions"
            }
            Cause::Limit => LIMIT_ADVICE,
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
        !matches!(self.cause, Cause::Unreachable | Cause::Limit | Cause::Protocol)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns what an AMQP handshake failed at.
fn handshake_cause(error: &Error) -> Cause {
    match error {
        Error::Broker(refused) => refusal_cause(refused),
        Error::Io(error) => tls_cause(error),
        Error::NotAmqp => Cause::ProtocolMismatch,
        Error::NoSuchLogin(_) => Cause::LoginMechanism,
        _ => Cause::Protocol,
    }
}

fn refusal_cause(refused: &BrokerError) -> Cause {
    match refused.code {
        _ if is_limit(refused) => Cause::Limit,
        _ if is_vhost_refused(refused) => Cause::VirtualHost,
        // ACCESS_REFUSED: there is no such user, or its password is wrong.
        403 => Cause::Credentials,
        _ => Cause::Protocol,
    }
}

/// Returns what a TLS handshake failed at. A broker that requires a certificate says so after the client takes the handshake for
/// complete.
#[cfg(any(feature = "tls-ring", feature = "tls-aws-lc-rs"))]
fn tls_cause(error: &io::Error) -> Cause {
    use tokio_rustls::rustls::{AlertDescription, Error};

    /// The alerts by which brokers reject certificates: with TLS 1.2 only the first.
    const ALERTS: [AlertDescription; 8] = [
        AlertDescription::HandshakeFailure,
        AlertDescription::CertificateRequired,
        AlertDescription::BadCertificate,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::CertificateRevoked,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateUnknown,
        AlertDescription::UnknownCA,
    ];
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) if ALERTS.contains(alert) => Cause::ClientCertificate,
        Some(Error::InvalidCertificate(_)) => Cause::ServerCertificate,
        Some(Error::InvalidMessage(_)) => Cause::ProtocolMismatch,
        _ => Cause::Unreachable,
    }
}

#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
fn tls_cause(_: &io::Error) -> Cause {
    Cause::Unreachable
}

#[cfg(all(test, any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
mod tests {
    use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

    use super::*;

    fn cause(error: Error) -> Cause {
        tls_cause(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn errors_of_tls_are_told_apart() {
        for alert in [
            AlertDescription::HandshakeFailure,
            AlertDescription::CertificateRequired,
            AlertDescription::BadCertificate,
            AlertDescription::UnsupportedCertificate,
            AlertDescription::CertificateRevoked,
            AlertDescription::CertificateExpired,
            AlertDescription::CertificateUnknown,
            AlertDescription::UnknownCA,
        ] {
            assert_eq!(cause(Error::AlertReceived(alert)), Cause::ClientCertificate, "{alert:?}");
        }
        for alert in [AlertDescription::ProtocolVersion, AlertDescription::InternalError] {
            assert_eq!(cause(Error::AlertReceived(alert)), Cause::Unreachable, "{alert:?}");
        }
        let expired = Error::InvalidCertificate(CertificateError::Expired);
        assert_eq!(cause(expired), Cause::ServerCertificate);
        let no_tls = Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(cause(no_tls), Cause::ProtocolMismatch);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(tls_cause(&reset), Cause::Unreachable);
    }
}
