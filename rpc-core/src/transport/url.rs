//! Chooses a transport by URL, so that a deployment's configuration decides and not the code.

use std::fmt;
use std::sync::Arc;

use super::Transport;
use crate::endpoint::BoxFuture;

/// The environment variable that [`Transports::connect_default`] reads.
const URL_VARIABLE: &str = "RPC_TRANSPORT_URL";

/// Creates transports from URLs with certain schemes.
pub trait TransportFactory: Send + Sync + 'static {
    /// Returns the schemes that it knows, such as `mem`.
    fn schemes(&self) -> &'static [&'static str];

    /// Creates the transport for a URL with one of these schemes. A transport connects when it is first used.
    fn connect<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ConnectError>>;
}

/// The transports that a program knows, by the scheme of their URLs.
///
/// ```
/// use std::sync::Arc;
///
/// use rpc_core::transport::{ConnectError, Transport, TransportFactory, Transports};
///
/// async fn connect(
///     factory: impl TransportFactory,
///     url: &str,
/// ) -> Result<Arc<dyn Transport>, ConnectError> {
///     Transports::new().with(factory).connect(url).await
/// }
/// ```
#[derive(Default)]
pub struct Transports {
    factories: Vec<Box<dyn TransportFactory>>,
}

impl Transports {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transport. Of two that know the same scheme, the first one is used.
    #[must_use]
    pub fn with(mut self, factory: impl TransportFactory) -> Self {
        self.factories.push(Box::new(factory));
        self
    }

    /// Creates the transport that `url` names.
    ///
    /// # Errors
    ///
    /// Fails when the URL has no scheme, when no factory knows its scheme, or when the factory rejects it.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is left behind.
    pub async fn connect(&self, url: &str) -> Result<Arc<dyn Transport>, ConnectError> {
        let Some((scheme, _)) = url.split_once(':') else {
            return Err(ConnectError::new(url, "it has no scheme; write `mem://` for example"));
        };
        match self.factories.iter().find(|factory| factory.schemes().contains(&scheme)) {
            Some(factory) => factory.connect(url).await,
            None => Err(ConnectError::new(url, self.unknown(scheme))),
        }
    }

    /// Creates the transport that the environment variable `RPC_TRANSPORT_URL` names, or else `fallback`.
    ///
    /// # Errors
    ///
    /// Fails as [`connect`](Self::connect) does, and when the variable is not Unicode.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is left behind.
    pub async fn connect_default(
        &self,
        fallback: &str,
    ) -> Result<Arc<dyn Transport>, ConnectError> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) => self.connect(&url).await,
            Err(std::env::VarError::NotPresent) => self.connect(fallback).await,
            Err(error) => Err(ConnectError::new(URL_VARIABLE, error.to_string())),
        }
    }

    fn unknown(&self, scheme: &str) -> String {
        let known: Vec<_> = self.factories.iter().flat_map(|factory| factory.schemes()).collect();
        format!("no transport knows the scheme `{scheme}`; known are {known:?}")
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schemes = self.factories.iter().flat_map(|factory| factory.schemes());
        f.debug_list().entries(schemes).finish()
    }
}

/// The error of a URL from which no transport could be made. It does not show the user and password of the URL.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot use the transport `{url}`: {reason}")]
pub struct ConnectError {
    url: String,
    reason: String,
}

impl ConnectError {
    /// Creates the error for `url`, without user and password.
    #[must_use]
    pub fn new(url: &str, reason: impl Into<String>) -> Self {
        Self { url: redacted(url), reason: reason.into() }
    }
}

/// Removes everything between the scheme and the last `@`: a URL with several hosts has several users and passwords.
fn redacted(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…@{}", &url[..scheme], &url[at + 1..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_show_the_password() {
        let error = ConnectError::new("rabbit://ada:secret@one,bob:word@two/vhost", "it is down");
        assert_eq!(
            error.to_string(),
            "cannot use the transport `rabbit://…@two/vhost`: it is down"
        );
    }
}
