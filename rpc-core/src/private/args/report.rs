//! What the caller is told about arguments that do not fit.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::tuple::Missing;
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::message::{Failure, FailureKind};
use crate::untrusted::Quoted;

/// What is wrong with one argument.
pub(super) enum Fault {
    /// Its value is none of its type, which expects something else.
    Unfit { name: Cow<'static, str>, expected: Option<String> },
    /// It is there more than once.
    Twice { name: &'static str },
}

/// Words failures for a method whose arguments have these names.
pub(super) struct Report {
    pub(super) names: &'static [&'static str],
    /// Whether others are taken, too.
    pub(super) others: bool,
}

impl Report {
    /// The map was read, but arguments are missing, or there are `count` unknown ones, of which
    /// the first are given.
    #[cold]
    pub(super) fn incomplete(
        &self,
        missing: &[Missing],
        unknown: &[String],
        count: usize,
    ) -> Failure {
        let mut parts = Vec::new();
        if !missing.is_empty() {
            let name = |Missing { index, expected }: &Missing| {
                format!("{}{}", Quoted(self.names[*index]), Expected(Some(expected)))
            };
            let missing: Vec<_> = missing.iter().map(name).collect();
            parts.push(format!("missing argument{} {}", plural(missing.len()), missing.join(", ")));
        }
        if count > 0 {
            let more = match count - unknown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("unknown argument{} {}{more}", plural(count), Listed(unknown)));
        }
        parts.push(match (self.names, self.others) {
            ([], _) => "the method takes no arguments".to_owned(),
            (names, false) => format!("the method takes {}", Listed(names)),
            (names, true) => format!("the method takes {} and any others", Listed(names)),
        });
        invalid(parts.join("; "))
    }
}

/// The map could not be read to its end.
#[cold]
pub(super) fn undecodable(error: &DecodeError, fault: Option<&Fault>) -> Failure {
    match (error.kind(), fault) {
        (DecodeErrorKind::Mismatch { message }, Some(Fault::Unfit { name, expected })) => {
            let expected = Expected(expected.as_deref());
            invalid(format!("argument {}{expected}: {message}", Quoted(name)))
        }
        (DecodeErrorKind::Mismatch { .. }, Some(Fault::Twice { name })) => given_twice(name),
        (reason, _) => Failure::new(
            FailureKind::Malformed,
            "Malformed",
            format!("the arguments cannot be read: {reason}"),
        ),
    }
}

#[cold]
pub(super) fn given_twice(name: &str) -> Failure {
    invalid(format!("argument {} is given twice", Quoted(name)))
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidArguments, "InvalidArguments", message)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What should be there, behind the name.
struct Expected<'a>(Option<&'a str>);

impl Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |expected| write!(f, " ({expected})"))
    }
}

/// Names with commas.
struct Listed<'a, T>(&'a [T]);

impl<T: AsRef<str>> Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, Quoted(name.as_ref()))?;
        }
        Ok(())
    }
}
