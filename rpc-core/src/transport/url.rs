//! Choosing a transport by URL, so that a deployment's configuration decides and not the code.

use std::fmt;
use std::sync::Arc;

use super::Transport;
use crate::endpoint::BoxFuture;

/// The environment variable that [`Transports::connect_default`] reads.
const URL_VARIABLE: &str = "RPC_TRANSPORT_URL";

/// Makes transports from URLs with certain schemes.
pub trait TransportFactory: Send + Sync + 'static {
    /// The schemes it knows, such as `mem`.
    fn schemes(&self) -> &'static [&'static str];

    /// The transport for a URL with one of these schemes. A transport connects when it is first used.
    fn connect<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ConnectError>>;
}

/// The transports that a program knows, by the scheme of their URLs.
#[derive(Default)]
pub struct Transports {
    factories: Vec<Box<dyn TransportFactory>>,
}

impl Transports {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. Of two that know the same scheme the first is asked.
    #[must_use]
    pub fn with(mut self, factory: impl TransportFactory) -> Self {
        self.factories.push(Box::new(factory));
        self
    }

    /// The transport that `url` names.
    ///
    /// # Errors
    ///
    /// The URL has no scheme, no factory knows its scheme, or the factory refuses it.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing stays behind.
    pub async fn connect(&self, url: &str) -> Result<Arc<dyn Transport>, ConnectError> {
        let Some((scheme, _)) = url.split_once(':') else {
            return Err(ConnectError::new(url, "it has no scheme; write `mem://` for example"));
        };
        match self.factories.iter().find(|factory| factory.schemes().contains(&scheme)) {
            Some(factory) => factory.connect(url).await,
            None => Err(ConnectError::new(url, self.unknown(scheme))),
        }
    }

    /// The transport that the environment variable `RPC_TRANSPORT_URL` names, or else `fallback`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and where the variable is not Unicode.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing stays behind.
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

/// A URL from which no transport could be made. User and password of the URL are not shown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot use the transport `{url}`: {reason}")]
pub struct ConnectError {
    url: String,
    reason: String,
}

impl ConnectError {
    /// The error for `url`, without what stands before its last `@`.
    #[must_use]
    pub fn new(url: &str, reason: impl Into<String>) -> Self {
        Self { url: redacted(url), reason: reason.into() }
    }
}

/// The URL without user information, of which a list of hosts has several: all that stands between the scheme and the
/// last `@`.
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
