//! Values of options.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// One `name=text` of the query, decoded.
pub(super) struct OptionValue<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl OptionValue<'_> {
    /// Parses a boolean, as oslo.config does.
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self.text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(self.invalid("`true` or `false`")),
        }
    }

    /// Parses a whole number from `min` to `max`.
    pub(super) fn number<N>(&self, min: N, max: N) -> Result<N, String>
    where
        N: FromStr + PartialOrd + Display,
    {
        match self.text.trim().parse() {
            Ok(number) if number >= min && number <= max => Ok(number),
            _ => Err(self.invalid(&format!("a whole number from {min} to {max}"))),
        }
    }

    /// Parses a limit, where 0 stands for none.
    pub(super) fn limit<N>(&self, max: N) -> Result<Option<N>, String>
    where
        N: FromStr + PartialOrd + Display + Default,
    {
        let limit = self.number(N::default(), max)?;
        Ok((limit != N::default()).then_some(limit))
    }

    /// Parses seconds from `min` to `max`, which may have decimals.
    pub(super) fn seconds(&self, min: Duration, max: Duration) -> Result<Duration, String> {
        let seconds = self.text.trim().parse().ok();
        match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(seconds) if seconds >= min && seconds <= max => Ok(seconds),
            _ => Err(self.invalid(&format!("seconds, from {min:?} to {max:?}"))),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(self.text)
    }

    /// Returns the error for a value that is not the `expected` one.
    pub(super) fn invalid(&self, expected: &str) -> String {
        format!("the option `{}` is `{}`; expected {expected}", self.name, self.text)
    }
}
