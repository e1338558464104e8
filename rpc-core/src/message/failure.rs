//! Failures that a server sends to the caller.

use std::borrow::Cow;
use std::fmt;

use super::FailureKind;
use crate::codec::Payload;
use crate::version::Version;

/// Whether the method ran.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum Ran {
    /// The method did not run and will not. A retry cannot run it twice.
    No,
    /// The method ran, at least in part.
    Yes,
    /// The method may have run. Retry only if it is idempotent.
    Unknown,
}

impl Ran {
    /// Returns the word for it on the wire: `no`, `yes` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        }
    }

    /// Returns what a peer's word says. A word that this version does not know says nothing for
    /// certain: it is [`Ran::Unknown`].
    ///
    /// ```
    /// use rpc_core::error::Ran;
    ///
    /// assert_eq!(Ran::from_word("no"), Ran::No);
    /// assert_eq!(Ran::from_word("partly"), Ran::Unknown);
    /// ```
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "no" => Self::No,
            "yes" => Self::Yes,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure that a server sends to the caller.
///
/// The class and module name the error as in oslo.messaging. The details contain the encoded value
/// of an expected error.
///
/// ```
/// use rpc_core::{Failure, FailureKind};
///
/// let failure = Failure::new(FailureKind::Denied, "Denied", "the token has expired");
/// assert_eq!(failure.to_string(), "Denied: the token has expired");
/// ```
#[derive(Debug, Clone)]
// Boxed, so that an `Outcome` stays small.
pub struct Failure(Box<FailureInner>);

#[derive(Debug, Clone)]
struct FailureInner {
    kind: FailureKind,
    ran: Ran,
    class: Cow<'static, str>,
    module: Option<Cow<'static, str>>,
    message: String,
    details: Option<Payload>,
    supported_versions: Vec<Version>,
    causes: Vec<String>,
}

impl Failure {
    /// Creates a failure. Its kind says whether the method ran.
    #[must_use]
    pub fn new(
        kind: FailureKind,
        class: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(FailureInner {
            kind,
            ran: kind.ran(),
            class: class.into(),
            module: None,
            message: message.into(),
            details: None,
            supported_versions: Vec::new(),
            causes: Vec::new(),
        }))
    }

    /// Sets whether the method ran, where that is known better than from the kind.
    ///
    /// ```
    /// use rpc_core::error::Ran;
    /// use rpc_core::{Failure, FailureKind};
    ///
    /// let failure = Failure::new(FailureKind::Overloaded, "Overloaded", "a queue is full");
    /// assert_eq!(failure.ran(), Ran::No);
    /// assert_eq!(failure.with_ran(Ran::Unknown).ran(), Ran::Unknown);
    /// ```
    #[must_use]
    pub fn with_ran(mut self, ran: Ran) -> Self {
        self.0.ran = ran;
        self
    }

    /// Sets the module of the class, as in Python.
    #[must_use]
    pub fn with_module(mut self, module: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.0.module = module.map(Into::into);
        self
    }

    /// Sets the encoded value of the error.
    #[must_use]
    pub fn with_details(mut self, details: Payload) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Sets the versions that the server supports.
    #[must_use]
    pub fn with_supported_versions(mut self, versions: Vec<Version>) -> Self {
        self.0.supported_versions = versions;
        self
    }

    /// Sets the causes, outermost first, or the lines of a Python traceback.
    #[must_use]
    pub fn with_causes(mut self, causes: Vec<String>) -> Self {
        self.0.causes = causes;
        self
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// Returns whether the method ran: what [`with_ran`](Self::with_ran) set, or else what follows
    /// from the kind.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.ran
    }

    /// Returns the class of the error.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.0.class
    }

    /// Returns the module of the class, if there is one.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.0.module.as_deref()
    }

    /// Returns the message of the error.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the encoded value of the error.
    #[must_use]
    pub fn details(&self) -> Option<&Payload> {
        self.0.details.as_ref()
    }

    /// Returns the versions that the server supports, for [`FailureKind::UnsupportedVersion`].
    #[must_use]
    pub fn supported_versions(&self) -> &[Version] {
        &self.0.supported_versions
    }

    /// Returns the causes, outermost first, or the lines of a Python traceback.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// Removes the details that belong only into the server's log.
    pub(crate) fn make_opaque(&mut self, message: String) {
        self.0.message = message;
        self.0.causes = Vec::new();
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.class, self.0.message)
    }
}
