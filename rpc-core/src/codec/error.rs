//! Errors of encoding and decoding.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::de::{self, Unexpected};

/// The error of encoding a value.
///
/// The `Serialize` implementation of the value failed, or the codec cannot represent the value.
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
        let text = message.to_string();
        // The message of a field may contain an error of this type.
        Self::new(text.replace("`: cannot encode: ", "`: "))
    }
}

/// The error of decoding a value; [`DecodeError::kind`] has the reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode: {kind}")]
pub struct DecodeError {
    // Boxed, so that a `Result` with this error stays small.
    kind: Box<DecodeErrorKind>,
}

impl DecodeError {
    /// Returns the reason.
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

impl de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::mismatch(message)
    }
}

/// Fails if a visitor has left elements of an array or map of `count` elements.
#[inline]
pub(crate) fn check_exhausted(count: usize, left: usize) -> Result<(), DecodeError> {
    match left {
        0 => Ok(()),
        left => Err(DecodeError::mismatch(format_args!(
            "invalid length {count}, expected {}",
            count - left
        ))),
    }
}

/// Returns the error of an enum whose encoding is neither the name of a variant nor a map of it.
#[cold]
pub(crate) fn not_a_variant(found: Unexpected<'_>) -> DecodeError {
    de::Error::invalid_type(found, &"the name of a variant or a map with that name alone")
}

/// The reason why decoding failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The message is larger than [`DecodeLimits::max_bytes`](super::DecodeLimits::max_bytes).
    /// Nothing was decoded.
    TooLarge {
        /// The size of the message.
        bytes: usize,
        /// The maximum size.
        limit: usize,
    },
    /// Arrays or maps are nested deeper than
    /// [`DecodeLimits::max_depth`](super::DecodeLimits::max_depth).
    TooDeep {
        /// The maximum depth.
        limit: usize,
    },
    /// The bytes are not valid in the codec.
    Malformed {
        /// The position of the first invalid byte, if it is known.
        offset: Option<usize>,
        /// A description of the error.
        reason: Cow<'static, str>,
    },
    /// The bytes are valid, but the value does not have the requested type.
    Mismatch {
        /// The error message of the type.
        message: Box<str>,
    },
}

impl Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "the message has {bytes} bytes, the limit is {limit}")
            }
            Self::TooDeep { limit } => {
                write!(f, "the message is nested deeper than the limit of {limit} levels")
            }
            Self::Malformed { offset: Some(offset), reason } => {
                write!(f, "{reason} at byte {offset}")
            }
            Self::Malformed { offset: None, reason } => f.write_str(reason),
            Self::Mismatch { message } => f.write_str(message),
        }
    }
}
