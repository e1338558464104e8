//! Why bytes could not be written or read.

use std::borrow::Cow;
use std::fmt::{self, Display};

/// A value that cannot be written: its own `Serialize` refused, or the form cannot hold it.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode: {message}")]
pub struct EncodeError {
    message: Box<str>,
}

impl EncodeError {
    pub(crate) fn new(message: impl Display) -> Self {
        Self { message: message.to_string().into() }
    }
}

impl serde::ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message)
    }
}

/// Bytes that cannot be read as what was asked for; [`DecodeError::kind`] tells why.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode: {kind}")]
pub struct DecodeError {
    // Boxed, so that a result which holds this error stays small where all goes well.
    kind: Box<DecodeErrorKind>,
}

impl DecodeError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.kind
    }

    pub(crate) fn malformed(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        DecodeErrorKind::Malformed { offset: Some(offset), reason: reason.into() }.into()
    }

    pub(crate) fn mismatch(message: impl Display) -> Self {
        DecodeErrorKind::Mismatch { message: message.to_string().into() }.into()
    }
}

impl From<DecodeErrorKind> for DecodeError {
    fn from(kind: DecodeErrorKind) -> Self {
        Self { kind: Box::new(kind) }
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::mismatch(message)
    }
}

/// The ways in which decoding fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// There are more bytes than [`DecodeLimits::max_bytes`](super::DecodeLimits::max_bytes). None was read.
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many may be.
        limit: usize,
    },
    /// Arrays and maps are nested deeper than [`DecodeLimits::max_depth`](super::DecodeLimits::max_depth).
    TooDeep {
        /// How many levels there may be.
        limit: usize,
    },
    /// The bytes are not of the codec they should be of.
    Malformed {
        /// The position of the byte at which that was seen, where it is known.
        offset: Option<usize>,
        /// What was seen.
        reason: Cow<'static, str>,
    },
    /// The bytes are well-formed and hold something else than what was asked for.
    Mismatch {
        /// The words of the type that refused.
        message: Box<str>,
    },
}

impl Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "the message has {bytes} bytes, at most {limit} are taken")
            }
            Self::TooDeep { limit } => {
                write!(f, "the message is nested deeper than the {limit} levels taken")
            }
            Self::Malformed { offset: Some(offset), reason } => {
                write!(f, "{reason} at byte {offset}")
            }
            Self::Malformed { offset: None, reason } => f.write_str(reason),
            Self::Mismatch { message } => f.write_str(message),
        }
    }
}
