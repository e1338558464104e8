//! Why there is no connection, told apart so that an operator knows what to mend.

use std::fmt;

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
    /// The broker's certificate, or ours, is not accepted.
    Certificate,
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
            Cause::Unreachable => "",
            Cause::Certificate => "; compare the certificate's names and authority with the URL",
            Cause::Credentials => "; compare user and password with the broker's users",
            Cause::VirtualHost => "; compare the URL's path with the broker's virtual hosts and the user's permissions",
            Cause::Protocol => "",
        };
        let text = format!("{}:{}: {reason}{advice}", host.name, host.port);
        Self { cause, text }
    }

    /// The failure of a handshake.
    pub(crate) fn of_handshake(config: &Config, host: &Host, error: &Error) -> Self {
        let user = &host.credentials.user;
        let text = error.to_string();
        match cause(error, &text) {
            Cause::Credentials => {
                Self::new(Cause::Credentials, host, format!("the broker refuses user `{user}` or its password"))
            }
            Cause::VirtualHost => {
                let reason = format!("user `{user}` cannot use the virtual host `{}`", config.virtual_host);
                Self::new(Cause::VirtualHost, host, reason)
            }
            cause => Self::new(cause, host, text),
        }
    }

    /// Whether trying again soon is of no use: somebody has to mend the configuration.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(self.cause, Cause::Certificate | Cause::Credentials | Cause::VirtualHost)
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn cause(error: &Error, text: &str) -> Cause {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.get_id() {
            // 530 NOT_ALLOWED: there is no such virtual host. 403: the user has no part in it.
            530 => Cause::VirtualHost,
            403 if refused.get_message().as_str().contains("vhost") => Cause::VirtualHost,
            403 => Cause::Credentials,
            _ => Cause::Protocol,
        },
        ErrorKind::AuthProviderError(_) => Cause::Credentials,
        ErrorKind::IOError(io) if is_certificate(io) => Cause::Certificate,
        ErrorKind::IOError(_) => Cause::Unreachable,
        _ if text.contains("certificate") => Cause::Certificate,
        _ => Cause::Protocol,
    }
}

/// Whether TLS failed for a certificate: the broker's, which we do not take, or ours, which the broker does not take.
fn is_certificate(error: &std::io::Error) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    text.contains("certificate") || text.contains("handshakefailure") || text.contains("unknownca")
}
