//! Options' values.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// One `name=text` of the query, decoded.
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Value<'_> {
    /// As oslo.config reads booleans.
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self.text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(self.wrong("`true` or `false`")),
        }
    }

    pub(super) fn number<N>(&self, least: N, most: N) -> Result<N, String>
    where
        N: FromStr + PartialOrd + Display,
    {
        match self.text.trim().parse() {
            Ok(number) if number >= least && number <= most => Ok(number),
            _ => Err(self.wrong(&format!("a whole number from {least} to {most}"))),
        }
    }

    /// A limit of which 0 is none.
    pub(super) fn limit<N>(&self, most: N) -> Result<Option<N>, String>
    where
        N: FromStr + PartialOrd + Display + Default,
    {
        let limit = self.number(N::default(), most)?;
        Ok((limit != N::default()).then_some(limit))
    }

    /// Seconds, which may have decimals.
    pub(super) fn seconds(&self, least: Duration, most: Duration) -> Result<Duration, String> {
        let seconds = self.text.trim().parse().ok();
        match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(seconds) if seconds >= least && seconds <= most => Ok(seconds),
            _ => Err(self.wrong(&format!("seconds, from {least:?} to {most:?}"))),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(self.text)
    }

    pub(super) fn wrong(&self, wanted: &str) -> String {
        format!("the option `{}` is `{}`; it takes {wanted}", self.name, self.text)
    }
}
