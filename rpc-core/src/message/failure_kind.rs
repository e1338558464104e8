//! The kinds of failures, and their names on the wire.

use std::fmt;
use std::str::FromStr;

use super::Ran;

/// Declares [`FailureKind`] and what must cover all of it from one table, so that a new kind cannot be left out of any:
/// the enum, `ALL` and the names that `as_str` and `FromStr` share.
macro_rules! failure_kinds {
    ($($(#[$docs:meta])* $kind:ident = $name:literal,)+) => {
        /// Why a server did not reply with a result.
        ///
        /// The enum is exhaustive on purpose: code that writes a kind to the wire, or maps it to an error, does not compile
        /// until it handles a kind that was added.
        #[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
        pub enum FailureKind {
            $($(#[$docs])* $kind,)+
        }

        impl FailureKind {
            /// Every kind, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Returns the kind's name on the wire, in snake case; [`FromStr`] reads it.
            ///
            /// ```
            /// use rpc_core::FailureKind;
            ///
            /// assert_eq!(FailureKind::UnknownMethod.as_str(), "unknown_method");
            /// assert_eq!("unknown_method".parse(), Ok(FailureKind::UnknownMethod));
            /// ```
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }

        impl FromStr for FailureKind {
            type Err = ParseFailureKindError;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$kind),)+
                    _ => Err(ParseFailureKindError(())),
                }
            }
        }
    };
}

failure_kinds! {
    /// An error that the method lists in `#[expected(…)]`. The details contain its value.
    Expected = "expected",
    /// Any other error of the method.
    Error = "error",
    /// The method panicked.
    Panic = "panic",
    /// The method ran, but its result cannot be encoded.
    UnencodableResult = "unencodable_result",
    /// No endpoint has the namespace.
    UnknownNamespace = "unknown_namespace",
    /// The namespace exists, but in no version that serves the requested one.
    UnsupportedVersion = "unsupported_version",
    /// Namespace and version exist, but the method does not, or the access policy hides it.
    UnknownMethod = "unknown_method",
    /// An argument is missing, unknown, or does not fit its type.
    InvalidArguments = "invalid_arguments",
    /// The message cannot be decoded.
    Malformed = "malformed",
    /// A layer of the server rejected the request.
    Denied = "denied",
    /// The server, or a layer of it, is overloaded; a later attempt may succeed.
    Overloaded = "overloaded",
    /// The deadline passed before the method was invoked.
    Expired = "expired",
    /// The server stopped, or was restarted, after it received the message and before it replied.
    Interrupted = "interrupted",
    /// The peer named a kind that this version does not know, as a newer one may. Whether the method ran is unknown, unless
    /// the peer says so.
    Unrecognized = "unrecognized",
}

impl FailureKind {
    /// Returns whether the method ran, where a failure of this kind does not
    /// [say otherwise](crate::Failure::ran).
    #[must_use]
    pub const fn ran(self) -> Ran {
        match self {
            Self::Expected | Self::Error | Self::Panic | Self::UnencodableResult => Ran::Yes,
            Self::Interrupted | Self::Unrecognized => Ran::Unknown,
            Self::UnknownNamespace
            | Self::UnsupportedVersion
            | Self::UnknownMethod
            | Self::InvalidArguments
            | Self::Malformed
            | Self::Denied
            | Self::Overloaded
            | Self::Expired => Ran::No,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a [`FailureKind`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of failure")]
pub struct ParseFailureKindError(());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for &kind in FailureKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.to_string(), kind.as_str());
        }
        assert_eq!("a newer one".parse::<FailureKind>(), Err(ParseFailureKindError(())));
    }

    #[test]
    fn no_two_kinds_share_a_name() {
        let names: std::collections::HashSet<_> =
            FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), FailureKind::ALL.len());
    }
}
