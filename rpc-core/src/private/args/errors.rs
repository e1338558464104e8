//! Error messages for arguments that cannot be decoded.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::tuple::MissingArg;
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::message::{Failure, FailureKind};
use crate::untrusted::Quoted;

/// An error in one argument.
pub(super) enum ArgError {
    /// The value has the wrong type.
    WrongType { name: Cow<'static, str>, expected: Option<String> },
    /// The argument is given more than once.
    Duplicate { name: &'static str },
}

/// Creates failures for a method with these arguments.
pub(super) struct ArgsErrors {
    pub(super) names: &'static [&'static str],
    /// Whether the method takes all remaining arguments.
    pub(super) takes_rest: bool,
}

impl ArgsErrors {
    /// Returns the failure for missing or unknown arguments. `unknown` contains the first of
    /// `count` unknown names.
    #[cold]
    pub(super) fn incomplete(
        &self,
        missing: &[MissingArg],
        unknown: &[String],
        count: usize,
    ) -> Failure {
        let mut parts = Vec::new();
        if !missing.is_empty() {
            let name = |MissingArg { index, expected }: &MissingArg| {
                format!("{}{}", Quoted(self.names[*index]), ExpectedType(Some(expected)))
            };
            let missing: Vec<_> = missing.iter().map(name).collect();
            parts.push(format!("missing argument{} {}", plural(missing.len()), missing.join(", ")));
        }
        if count > 0 {
            let more = match count - unknown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("unknown argument{} {}{more}", plural(count), NameList(unknown)));
        }
        parts.push(match (self.names, self.takes_rest) {
            ([], _) => "the method takes no arguments".to_owned(),
            (names, false) => format!("the method takes {}", NameList(names)),
            (names, true) => format!("the method takes {} and any others", NameList(names)),
        });
        invalid(parts.join("; "))
    }
}

/// Returns the failure for arguments that cannot be decoded.
#[cold]
pub(super) fn undecodable(error: &DecodeError, arg_error: Option<&ArgError>) -> Failure {
    match (error.kind(), arg_error) {
        (DecodeErrorKind::Mismatch { message }, Some(ArgError::WrongType { name, expected })) => {
            let expected = ExpectedType(expected.as_deref());
            invalid(format!("argument {}{expected}: {message}", Quoted(name)))
        }
        (DecodeErrorKind::Mismatch { .. }, Some(ArgError::Duplicate { name })) => duplicate(name),
        (reason, _) => Failure::new(
            FailureKind::Malformed,
            "Malformed",
            format!("the arguments cannot be decoded: {reason}"),
        ),
    }
}

#[cold]
pub(super) fn duplicate(name: &str) -> Failure {
    invalid(format!("argument {} is given twice", Quoted(name)))
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidArguments, "InvalidArguments", message)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Displays the expected type in parentheses.
struct ExpectedType<'a>(Option<&'a str>);

impl Display for ExpectedType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |expected| write!(f, " ({expected})"))
    }
}

/// Displays a comma-separated list of names.
struct NameList<'a, T>(&'a [T]);

impl<T: AsRef<str>> Display for NameList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, Quoted(name.as_ref()))?;
        }
        Ok(())
    }
}
