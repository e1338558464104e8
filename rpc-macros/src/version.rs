//! Versions in attributes.

use syn::{Lit, LitStr};

use crate::errors::spanned_error;

/// A version in an attribute: `major.minor`, with an optional revision.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) revision: u32,
}

impl Version {
    /// The default version of an endpoint.
    pub(crate) const V1_0: Self = Self { major: 1, minor: 0, revision: 0 };

    /// Returns the oldest version with the same major version.
    pub(crate) const fn first(self) -> Self {
        Self { major: self.major, minor: 0, revision: 0 }
    }

    /// Parses a string literal.
    pub(crate) fn from_lit(lit: &Lit) -> syn::Result<Self> {
        match lit {
            Lit::Str(text) => Self::from_str_lit(text),
            other => Err(spanned_error(
                other,
                "a version must be a string",
                r#"write major and minor version in quotes, such as "1.2""#,
            )),
        }
    }

    fn from_str_lit(lit: &LitStr) -> syn::Result<Self> {
        let text = lit.value();
        let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
        match parts.as_deref() {
            Some(&[major, minor]) => Ok(Self { major, minor, revision: 0 }),
            Some(&[major, minor, revision]) => Ok(Self { major, minor, revision }),
            _ => Err(spanned_error(
                lit,
                format!("`{text}` is not a version"),
                r#"write major and minor version, such as "1.2", optionally with a revision: "1.2.1""#,
            )),
        }
    }
}

/// Parses digits. `u32::from_str` would also accept a sign.
fn number(part: &str) -> Option<u32> {
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self { major, minor, revision: 0 } => write!(f, "{major}.{minor}"),
            Self { major, minor, revision } => write!(f, "{major}.{minor}.{revision}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_version_has_two_or_three_numbers() {
        let read = |lit| Version::from_lit(&lit).ok().map(|version| version.to_string());
        assert_eq!(read(parse_quote!("1.2")).as_deref(), Some("1.2"));
        assert_eq!(read(parse_quote!("1.2.3")).as_deref(), Some("1.2.3"));
        assert_eq!(read(parse_quote!("1.2.0")).as_deref(), Some("1.2"));
        assert_eq!(read(parse_quote!("4294967295.0")).as_deref(), Some("4294967295.0"));
        let wrong = ["", "1", "1.", ".1", "1.2.3.4", "+1.2", " 1.2", "1.-2", "4294967296.0", "a.b"];
        for text in wrong {
            assert_eq!(read(parse_quote!(#text)), None, "{text}");
        }
        assert_eq!(read(parse_quote!(1.2)), None);
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let read = |lit| Version::from_lit(&lit).unwrap();
        assert!(read(parse_quote!("1.9")) < read(parse_quote!("1.10")));
        assert!(read(parse_quote!("1.9.1")) < read(parse_quote!("1.10")));
        assert_eq!(read(parse_quote!("3.7.1")).first(), read(parse_quote!("3.0")));
    }
}
