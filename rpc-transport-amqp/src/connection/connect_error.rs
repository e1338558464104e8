//! Why there is no connection, told apart so that an operator knows what to mend.

use std::fmt;
use std::io;

use lapin::{Error, ErrorKind};

use crate::config::{Config, Host};

/// What went wrong with one attempt on one host. Never holds a password.
#[derive(Debug, Clone)]
pub(crate) struct ConnectFailure {
    pub(crate) cause: Cause,
    text: String,
}

/// What an attempt failed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nobody answers there, or not in time.
    Unreachable,
    /// One side speaks TLS, and the other does not.
    Speech,
    /// A file for TLS cannot be used.
    File,
    /// We do not accept the broker's certificate.
    TheirCertificate,
    /// The broker does not accept our certificate, or wants one.
    OurCertificate,
    /// User or password is wrong.
    Credentials,
    /// The virtual host is not there, or not for this user.
    VirtualHost,
    /// Anything else that the broker says.
    Protocol,
}

impl ConnectFailure {
    pub(crate) fn new(cause: Cause, host: &Host, reason: impl fmt::Display) -> Self {
        let advice = match cause {
            Cause::Speech => {
                "; a port for TLS takes `amqps://`, or the option `ssl=1` with `rabbit://`; another one takes `amqp://` or \
                 `rabbit://` alone"
            }
            Cause::TheirCertificate => {
                "; the option `ca_file` says whose certificates are trusted, `server_name` the name that the broker's is for, \
                 if not the host's"
            }
            Cause::OurCertificate => {
                "; give this client a certificate that the broker's authorities have signed, by the options `cert_file` and \
                 `key_file`"
            }
            Cause::Credentials => "; compare user and password with the broker's users",
            Cause::VirtualHost => {
                "; compare the URL's path with the broker's virtual hosts and the user's permissions"
            }
            Cause::Unreachable | Cause::File | Cause::Protocol => "",
        };
        let text = format!("{}:{}: {reason}{advice}", host.name, host.port);
        Self { cause, text }
    }

    /// The failure of what comes before the login.
    pub(crate) fn of_tls(host: &Host, error: &io::Error) -> Self {
        match cause_in_tls(error) {
            Cause::Speech => {
                Self::new(Cause::Speech, host, "what answers there does not speak TLS")
            }
            Cause::OurCertificate => Self::of_our_certificate(host, error),
            cause => Self::new(cause, host, error),
        }
    }

    fn of_our_certificate(host: &Host, error: impl fmt::Display) -> Self {
        let reason = format!(
            "the broker does not accept the certificate of this client, or that it has none: {error}"
        );
        Self::new(Cause::OurCertificate, host, reason)
    }

    /// The failure of a login.
    pub(crate) fn of_handshake(config: &Config, host: &Host, error: &Error) -> Self {
        let user = &host.credentials.user;
        match cause(error) {
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
            Cause::OurCertificate => Self::of_our_certificate(host, error),
            Cause::Speech => {
                Self::new(Cause::Speech, host, "what answers there does not speak AMQP")
            }
            cause => Self::new(cause, host, error),
        }
    }

    /// Whether trying again soon is of no use: somebody has to mend the configuration.
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(self.cause, Cause::Unreachable | Cause::Protocol)
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn cause(error: &Error) -> Cause {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.get_id() {
            // NOT_ALLOWED: there is no such virtual host, or so many connections to it that it takes no more, which can pass.
            530 if refused.get_message().as_str().contains("limit") => Cause::Protocol,
            530 => Cause::VirtualHost,
            // ACCESS_REFUSED: the user has no part in it, or is not who it says.
            403 if refused.get_message().as_str().contains("vhost") => Cause::VirtualHost,
            403 => Cause::Credentials,
            _ => Cause::Protocol,
        },
        ErrorKind::AuthProviderError(_) => Cause::Credentials,
        ErrorKind::IOError(error) => cause_in_tls(error),
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) => Cause::Speech,
        _ => Cause::Protocol,
    }
}

/// What the TLS library says, in its own words, as it gives its errors no other form here. A broker that wants a certificate
/// says so when the client takes the handshake for done already.
fn cause_in_tls(error: &io::Error) -> Cause {
    /// What brokers say of certificates: with TLS 1.2 nothing more than the first.
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
        Some((_, alert)) if ALERTS.contains(&alert) => Cause::OurCertificate,
        None if text.contains("invalid peer certificate") => Cause::TheirCertificate,
        None if text.contains("received corrupt message") => Cause::Speech,
        _ => Cause::Unreachable,
    }
}
