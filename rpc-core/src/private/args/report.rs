//! What the caller is told about arguments that do not fit.

use std::borrow::Cow;
use std::fmt::{self, Display};

use crate::codec::{DecodeError, DecodeErrorKind};
use crate::message::{Failure, FailureKind};

/// What is wrong with one argument.
pub(super) enum Fault {
    /// Its value is none of its type.
    Unfit(Cow<'static, str>),
    /// It is there more than once.
    Twice(Cow<'static, str>),
}

/// Words failures for a method whose arguments have these names.
pub(super) struct Report {
    pub(super) names: &'static [&'static str],
}

impl Report {
    /// The map was read, but arguments are missing (a bit each), or there are unknown ones, of
    /// which the first are given.
    #[cold]
    pub(super) fn incomplete(&self, missing: u32, unknown: &[String], count: usize) -> Failure {
        let is_missing = |index: &usize| missing & (1 << index) != 0;
        let missing: Vec<_> =
            (0..self.names.len()).filter(is_missing).map(|index| self.names[index]).collect();
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("missing argument{} {}", plural(missing.len()), Listed(&missing)));
        }
        if count > 0 {
            let more = match count - unknown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("unknown argument{} {}{more}", plural(count), Listed(unknown)));
        }
        parts.push(match self.names {
            [] => "the method takes no arguments".to_owned(),
            names => format!("the method takes {}", Listed(names)),
        });
        invalid(parts.join("; "))
    }

    #[cold]
    pub(super) fn fault(&self, fault: &Fault) -> Failure {
        match fault {
            Fault::Unfit(name) => invalid(format!("argument {} does not fit", Quoted(name))),
            Fault::Twice(name) => invalid(format!("argument {} is given twice", Quoted(name))),
        }
    }

    /// The map could not be read to its end.
    #[cold]
    pub(super) fn undecodable(&self, error: &DecodeError, fault: Option<&Fault>) -> Failure {
        match (error.kind(), fault) {
            (DecodeErrorKind::Mismatch { message }, Some(Fault::Unfit(name))) => {
                invalid(format!("argument {}: {message}", Quoted(name)))
            }
            (DecodeErrorKind::Mismatch { .. }, Some(twice)) => self.fault(twice),
            (reason, _) => Failure::new(
                FailureKind::Malformed,
                "Malformed",
                format!("the arguments cannot be read: {reason}"),
            ),
        }
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidArguments, "InvalidArguments", message)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
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

/// A name from outside: neither control characters nor endless ones get into logs.
struct Quoted<'a>(&'a str);

impl Quoted<'_> {
    const LONGEST: usize = 64;
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(Self::LONGEST) {
            None => write!(f, "`{}`", self.0.escape_debug()),
            Some((cut, _)) => write!(f, "`{}…`", self.0[..cut].escape_debug()),
        }
    }
}
