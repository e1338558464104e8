//! Failures as they travel back to the caller.

use std::borrow::Cow;
use std::fmt;

use super::FailureKind;
use crate::codec::Payload;
use crate::version::Version;

/// Did the method run?
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum Ran {
    /// No, and it will not: sending the same call again cannot run it twice.
    No,
    /// Yes, at least in part.
    Yes,
    /// Nobody can tell. Repeat only what is idempotent.
    Unknown,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        })
    }
}

/// A failure on its way to the caller: what went wrong, by class and module as oslo.messaging names errors, and the
/// error's own value where the caller may have it.
///
/// One word wide, so that an [`Outcome`](super::Outcome) stays small.
#[derive(Debug, Clone)]
pub struct Failure(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: FailureKind,
    class: Cow<'static, str>,
    module: Option<Cow<'static, str>>,
    message: String,
    details: Option<Payload>,
    supported_versions: Vec<Version>,
    causes: Vec<String>,
}

impl Failure {
    /// A failure of the given kind, class and message.
    #[must_use]
    pub fn new(
        kind: FailureKind,
        class: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            kind,
            class: class.into(),
            module: None,
            message: message.into(),
            details: None,
            supported_versions: Vec::new(),
            causes: Vec::new(),
        }))
    }

    /// Names the module (in Python's sense) that the class belongs to.
    #[must_use]
    pub fn with_module(mut self, module: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.0.module = module.map(Into::into);
        self
    }

    /// Adds the error's own encoded value.
    #[must_use]
    pub fn with_details(mut self, details: Payload) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Adds the versions that are served instead of the one asked for.
    #[must_use]
    pub fn with_supported_versions(mut self, versions: Vec<Version>) -> Self {
        self.0.supported_versions = versions;
        self
    }

    /// Adds the chain of causes, outermost first, or the stack lines of a Python peer.
    #[must_use]
    pub fn with_causes(mut self, causes: Vec<String>) -> Self {
        self.0.causes = causes;
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// The name of the error's class on the wire.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.0.class
    }

    /// The module that the class belongs to, where one is named.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.0.module.as_deref()
    }

    /// The error's text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The error's own encoded value.
    #[must_use]
    pub fn details(&self) -> Option<&Payload> {
        self.0.details.as_ref()
    }

    /// The versions served, for [`FailureKind::UnsupportedVersion`].
    #[must_use]
    pub fn supported_versions(&self) -> &[Version] {
        &self.0.supported_versions
    }

    /// The chain of causes, outermost first, or the stack lines of a Python peer.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// Takes out what only the server's log should say.
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
