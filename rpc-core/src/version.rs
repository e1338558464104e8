//! Versions of endpoints and requests.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The version of an interface: `major.minor`, with an optional revision.
///
/// A new major version breaks callers, a new minor version adds something, and a new revision
/// changes nothing that a caller can observe. The default is [`Version::V1_0`].
///
/// Versions are ordered by their numbers, so `1.9 < 1.10`. Use [`Version::serves`] to find out
/// whether a server of one version serves a request for another.
///
/// ```
/// use rpc_core::Version;
///
/// let served: Version = "1.10".parse()?;
/// assert!(served.serves(Version::new(1, 9)));
/// assert!(!served.serves(Version::new(1, 11)));
/// assert!(!served.serves(Version::new(2, 0)));
/// # Ok::<(), rpc_core::ParseVersionError>(())
/// ```
///
/// # Text format
///
/// `major.minor` or `major.minor.revision`, each a decimal number that fits in 32 bits. The fourth
/// and later parts are ignored, as in oslo.messaging. Unlike in Python, spaces, signs, underscores
/// and non-ASCII digits are rejected.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The major version, which must be equal on both sides.
    pub major: u32,
    /// The minor version, which increases if something is added.
    pub minor: u32,
    /// The revision. 0 if the text has none.
    pub revision: u32,
}

impl Version {
    /// Version 1.0, the default of endpoints and requests.
    pub const V1_0: Self = Self::new(1, 0);

    /// Creates the version `major.minor` with revision 0.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor, revision: 0 }
    }

    /// Sets the revision.
    #[must_use]
    pub const fn with_revision(self, revision: u32) -> Self {
        Self { revision, ..self }
    }

    /// Parses a version at compile time.
    ///
    /// # Panics
    ///
    /// Panics if the text is not a version. In a constant, that is a compile error.
    ///
    /// ```
    /// use rpc_core::Version;
    ///
    /// const VERSION: Version = Version::from_static("1.2");
    /// assert_eq!(VERSION, Version::new(1, 2));
    /// ```
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        match parse(text.as_bytes()) {
            Some(version) => version,
            None => panic!("a version is written major.minor or major.minor.revision"),
        }
    }

    /// Returns whether a server of this version serves a request for `requested`.
    ///
    /// The majors must be equal and the requested minor must not be newer. If the minors are equal,
    /// the requested revision must not be newer either. A newer minor serves all revisions of an
    /// older one. This is oslo.messaging's rule.
    #[must_use]
    pub const fn serves(self, requested: Self) -> bool {
        self.major == requested.major
            && (self.minor > requested.minor
                || (self.minor == requested.minor && self.revision >= requested.revision))
    }

    /// Returns whether `implemented` serves `requested`, where either may have no version.
    ///
    /// Without an implemented version, every request is served. With one, a request without a
    /// version is not. A client's version cap is checked by this rule.
    #[must_use]
    pub const fn serves_maybe(implemented: Option<Self>, requested: Option<Self>) -> bool {
        match (implemented, requested) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(implemented), Some(requested)) => implemented.serves(requested),
        }
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::V1_0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, revision } = self;
        match revision {
            0 => write!(f, "{major}.{minor}"),
            _ => write!(f, "{major}.{minor}.{revision}"),
        }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.as_bytes()).ok_or_else(|| ParseVersionError::new(text))
    }
}

impl TryFrom<&str> for Version {
    type Error = ParseVersionError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Version;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version such as \"1.0\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Version, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// The error of parsing a [`Version`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid version {input:?}: expected major.minor or major.minor.revision, such as \"1.0\"")]
pub struct ParseVersionError {
    input: Box<str>,
}

impl ParseVersionError {
    /// The number of characters that are kept of the input, which may be untrusted and of any
    /// length.
    const MAX_INPUT: usize = 40;

    fn new(text: &str) -> Self {
        let input = match text.char_indices().nth(Self::MAX_INPUT) {
            Some((end, _)) => format!("{}…", &text[..end]).into(),
            None => text.into(),
        };
        Self { input }
    }

    /// Returns the invalid input, truncated if it is long.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }
}

const fn parse(text: &[u8]) -> Option<Version> {
    let Some((major, at)) = number(text, 0) else { return None };
    if at >= text.len() {
        return None;
    }
    let Some((minor, at)) = number(text, at + 1) else { return None };
    if at >= text.len() {
        return Some(Version::new(major, minor));
    }
    match number(text, at + 1) {
        Some((revision, _)) => Some(Version { major, minor, revision }),
        None => None,
    }
}

/// Parses the number that begins at `at`. Returns it and the position of the dot or the end of the
/// text behind it.
const fn number(text: &[u8], mut at: usize) -> Option<(u32, usize)> {
    let start = at;
    let mut value = 0u32;
    while at < text.len() && text[at] != b'.' {
        if !text[at].is_ascii_digit() {
            return None;
        }
        let Some(shifted) = value.checked_mul(10) else { return None };
        let Some(sum) = shifted.checked_add((text[at] - b'0') as u32) else { return None };
        value = sum;
        at += 1;
    }
    if at == start { None } else { Some((value, at)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_serves_what_is_not_newer_than_itself() {
        let serves = |served: &str, requested: &str| version(served).serves(version(requested));
        assert!(serves("1.5", "1.3"));
        assert!(!serves("1.3", "1.5"));
        assert!(!serves("2.0", "1.0"));
        assert!(!serves("1.0", "2.0"));
        assert!(!serves("1.2", "1.2.1"));
        assert!(serves("1.2.3", "1.2.3"));
        assert!(serves("1.2.3", "1.1.9"));
        assert!(serves("1.10", "1.9"));
    }

    #[test]
    fn what_has_no_version_serves_all_and_no_version_is_served_by_nothing_else() {
        let one = Some(Version::V1_0);
        assert!(Version::serves_maybe(None, None));
        assert!(Version::serves_maybe(None, one));
        assert!(!Version::serves_maybe(one, None));
        assert!(Version::serves_maybe(one, one));
        assert!(!Version::serves_maybe(one, Some(Version::new(1, 1))));
    }

    #[test]
    fn a_revision_is_zero_where_it_is_missing_and_is_then_not_printed() {
        assert_eq!(version("1.2"), Version::new(1, 2));
        assert_eq!(version("1.2.0").to_string(), "1.2");
        assert_eq!(version("1.2.3"), Version::new(1, 2).with_revision(3));
        assert_eq!(version("1.2.3").to_string(), "1.2.3");
    }

    #[test]
    fn parts_from_the_fourth_on_are_ignored() {
        for text in ["1.2.3.4", "1.2.3.", "1.2.3.x.y"] {
            assert_eq!(version(text), Version::new(1, 2).with_revision(3), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused_with_the_input_and_the_form() {
        for text in ["", "1", "1.", ".1", "1.x", "1.2.", "1.2.x", "a.b", "1..2"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        for text in [" 1.0", "1.0 ", "+1.0", "-1.0", "1_0.0", "1.4294967296", "١.٠"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        let error = Version::try_from("1.x").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid version \"1.x\": expected major.minor or major.minor.revision, such as \"1.0\""
        );
        assert_eq!(version("4294967295.0").major, u32::MAX);
    }

    #[test]
    fn a_long_input_is_shortened_in_the_error() {
        let error = "ä".repeat(1000).parse::<Version>().unwrap_err();
        assert_eq!(error.input().chars().count(), ParseVersionError::MAX_INPUT + 1);
    }

    #[test]
    fn a_version_is_a_string_in_serde() {
        let json = serde_json::to_string(&Version::new(1, 2)).unwrap();
        assert_eq!(json, "\"1.2\"");
        assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), Version::new(1, 2));
        assert!(serde_json::from_str::<Version>("\"one\"").is_err());
        assert!(serde_json::from_str::<Version>("1.2").is_err());
    }

    #[test]
    fn versions_are_ordered_by_number_and_default_to_one_zero() {
        assert!(Version::new(1, 9) < Version::new(1, 10));
        assert!(Version::new(1, 10) < Version::new(1, 10).with_revision(1));
        assert_eq!(Version::default(), Version::from_static("1.0"));
    }

    #[test]
    #[should_panic(expected = "major.minor")]
    fn a_static_text_that_is_no_version_panics() {
        let _ = Version::from_static("one");
    }
}
