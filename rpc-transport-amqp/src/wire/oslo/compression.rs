//! Bodies that kombu compressed (`kombu_compression`): read with the feature `compression`, refused by name without it.
//! Nothing is compressed here: receivers need not support it. Only the oslo dialect has compressed bodies.

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "compression")]
use super::decompression::{DecompressError, decompress};

/// The formats that the feature `compression` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// zlib's, which Python writes under this name, or gzip's, which others write.
    Gzip,
    Bzip2,
    Xz,
}

/// A body that is not read because it is compressed.
#[derive(Debug)]
pub(super) struct CompressionError {
    /// The name of the compression in the message's header.
    pub(super) name: String,
    pub(super) reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
    /// No feature reads this format.
    Unsupported,
    #[cfg(not(feature = "compression"))]
    FeatureOff,
    #[cfg(feature = "compression")]
    Decompress(DecompressError),
}

impl fmt::Display for CompressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::Unsupported => write!(
                f,
                "unsupported compression `{name}`: set the sender's `kombu_compression` to gzip"
            ),
            #[cfg(not(feature = "compression"))]
            Reason::FeatureOff => write!(
                f,
                "the body is compressed as `{name}`: enable the feature `compression` of rpc-transport-amqp, or unset \
                 the sender's `kombu_compression`"
            ),
            #[cfg(feature = "compression")]
            Reason::Decompress(error) => write!(f, "the body is compressed as `{name}`: {error}"),
        }
    }
}

/// Returns the body, decompressed to at most `max_bytes` if it is compressed. `compression` is the message's header of that
/// name; an unknown name means that the body is not compressed, as in kombu.
///
/// # Errors
///
/// Fails if the body is compressed and cannot be decompressed within the limits.
pub(super) fn plain_body<'a>(
    body: &'a [u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<Cow<'a, [u8]>, CompressionError> {
    let Some(name) = compression else { return Ok(Cow::Borrowed(body)) };
    let plain = match name {
        "application/x-gzip" | "gzip" | "zlib" => read(Format::Gzip, body, max_bytes),
        "application/x-bz2" | "bzip2" | "bzip" => read(Format::Bzip2, body, max_bytes),
        "application/x-lzma" | "lzma" | "xz" => read(Format::Xz, body, max_bytes),
        "application/x-brotli" | "brotli" | "application/zstd" | "zstd" | "zstandard" => {
            Err(Reason::Unsupported)
        }
        _ => return Ok(Cow::Borrowed(body)),
    };
    plain.map(Cow::Owned).map_err(|reason| CompressionError { name: name.to_owned(), reason })
}

#[cfg(feature = "compression")]
fn read(format: Format, body: &[u8], max_bytes: usize) -> Result<Vec<u8>, Reason> {
    decompress(format, body, max_bytes).map_err(Reason::Decompress)
}

#[cfg(not(feature = "compression"))]
fn read(_: Format, _: &[u8], _: usize) -> Result<Vec<u8>, Reason> {
    Err(Reason::FeatureOff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All names of formats that kombu writes, the name of its option last.
    const NAMES: [&[&str]; 3] = [
        &["application/x-gzip", "zlib", "gzip"],
        &["application/x-bz2", "bzip", "bzip2"],
        &["application/x-lzma", "xz", "lzma"],
    ];

    #[test]
    fn an_unknown_name_leaves_the_body_as_it_is() {
        for name in [None, Some("rot13"), Some("")] {
            assert_eq!(plain_body(b"{}", name, 0).unwrap(), b"{}".as_slice());
        }
    }

    #[test]
    fn a_body_that_no_feature_reads_is_refused_by_its_name() {
        for name in ["application/zstd", "zstd", "brotli"] {
            let error = plain_body(b"{}", Some(name), 100).unwrap_err();
            assert!(matches!(error.reason, Reason::Unsupported), "{error:?}");
            let expected = format!("unsupported compression `{name}`");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "compression")]
    fn a_body_is_read_under_all_names_of_its_format() {
        use crate::wire::oslo::decompression::samples;

        for (names, compress) in NAMES.iter().zip([samples::zlib, samples::bzip2, samples::xz]) {
            for name in *names {
                let compressed = compress(b"{}");
                let plain = plain_body(&compressed, Some(name), 2).unwrap();
                assert_eq!(plain, b"{}".as_slice(), "{name}");
                let error = plain_body(b"{}", Some(name), 2).unwrap_err();
                assert!(matches!(error.reason, Reason::Decompress(_)), "{error:?}");
                let expected = format!("the body is compressed as `{name}`: ");
                assert!(error.to_string().starts_with(&expected), "{error}");
            }
        }
    }

    #[test]
    #[cfg(not(feature = "compression"))]
    fn without_the_feature_a_compressed_body_is_refused_by_its_name() {
        for name in NAMES.into_iter().flatten() {
            let error = plain_body(b"{}", Some(name), 100).unwrap_err();
            assert!(matches!(error.reason, Reason::FeatureOff), "{error:?}");
            assert_eq!(
                error.to_string(),
                format!(
                    "the body is compressed as `{name}`: enable the feature `compression` of rpc-transport-amqp, or \
                     unset the sender's `kombu_compression`"
                )
            );
        }
    }
}
