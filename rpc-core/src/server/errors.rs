//! Errors of building, starting and awaiting a server.

use std::error::Error;
use std::fmt;

use crate::registry::ShadowedMethod;
use crate::transport::ListenError;

/// Every problem of a server's configuration, in one error.
///
/// ```
/// use rpc_core::{Server, Target, Transport};
///
/// # fn example(transport: std::sync::Arc<dyn Transport>) {
/// let error = Server::builder(transport, Target::new()).build().unwrap_err();
/// assert_eq!(error.problems().len(), 3); // no topic, no server name, no endpoint
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BuildError(Vec<BuildProblem>);

/// One problem of a server's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildProblem {
    /// The target has no topic, or an empty one.
    MissingTopic,
    /// The target has no server name, or an empty one.
    MissingServerName,
    /// The server has no endpoint, so nothing could ever be called.
    NoEndpoint,
    /// The concurrency limit is 0.
    ZeroConcurrency,
    /// A method is unreachable.
    ShadowedMethod(ShadowedMethod),
}

impl fmt::Display for BuildProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingTopic => {
                f.write_str("the target has no topic; write `Target::topic(\"…\")`")
            }
            Self::MissingServerName => {
                f.write_str("the target has no server name; add `.server(\"…\")` to it")
            }
            Self::NoEndpoint => f.write_str("there is no endpoint; add one with `.endpoint(…)`"),
            Self::ZeroConcurrency => f.write_str("the concurrency limit must be at least 1"),
            Self::ShadowedMethod(shadowed) => shadowed.fmt(f),
        }
    }
}

impl BuildError {
    pub(super) fn check(problems: Vec<BuildProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Returns all problems.
    #[must_use]
    pub fn problems(&self) -> &[BuildProblem] {
        &self.0
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server cannot be built")?;
        for (number, problem) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { ": " } else { "; " })?;
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl Error for BuildError {}

/// The error of a server that could not start: its transport cannot listen.
#[derive(Debug, Clone)]
pub struct StartError(ListenError);

impl StartError {
    pub(super) fn new(error: ListenError) -> Self {
        Self(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server could not start: {}", self.0)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The error of waiting for a server that cannot be waited for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The caller is one of the server's own methods.
    #[error(
        "a method of server `{server}` cannot wait for that server, which waits for the method; call `stop` and return"
    )]
    InsideMethod {
        /// The server's name.
        server: String,
    },
    /// The runtime that ran the server was shut down, and the server with it.
    #[error("the runtime of server `{server}` was shut down, and the server with it")]
    RuntimeGone {
        /// The server's name.
        server: String,
    },
}
