//! Decompression within limits: whatever a body is, the work for it is in proportion to its size.

use std::fmt;
use std::io::{self, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use lzma_rust2::XzReader;

use super::compression::Format;

/// The most memory that decoding xz may reserve, in KiB. Python's default preset needs half of it.
const XZ_MEMORY: u32 = 17 * 1024;

/// How many times its size a body may expand to. JSON expands 5 to 20 times.
const MAX_RATIO: usize = 100;

/// A body may expand to so many bytes whatever the ratio: little work, and small bodies may well repeat one value.
const ANY_RATIO: usize = 1 << 20;

/// Why a body cannot be decompressed.
#[derive(Debug)]
pub(super) enum DecompressError {
    /// It is larger than a message may be.
    TooLarge { max_bytes: usize },
    /// It expands too much for its size.
    RatioTooHigh { bytes: usize },
    /// Something follows the compressed data. Each further stream would cost the time of a whole one, also if it is empty:
    /// 4 s for 1 MB of empty bzip2 streams.
    TrailingBytes { bytes: usize },
    /// It is not in this format, cut short or damaged, or it needs too much memory.
    Invalid(io::Error),
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { max_bytes } => {
                write!(f, "it exceeds the limit of {max_bytes} bytes once decompressed")
            }
            Self::RatioTooHigh { bytes } => write!(
                f,
                "its {bytes} bytes expand to more than {ANY_RATIO} bytes and to more than {MAX_RATIO} times their number"
            ),
            Self::TrailingBytes { bytes } => {
                write!(f, "{bytes} bytes follow the compressed data")
            }
            Self::Invalid(error) => write!(f, "it cannot be decompressed: {error}"),
        }
    }
}

/// Decompresses a body.
///
/// # Errors
///
/// Fails if the body is not a single compressed stream, exceeds `max_bytes` once decompressed, or expands too much.
pub(super) fn decompress(
    format: Format,
    body: &[u8],
    max_bytes: usize,
) -> Result<Vec<u8>, DecompressError> {
    let by_ratio = body.len().saturating_mul(MAX_RATIO).max(ANY_RATIO);
    let limit = by_ratio.min(max_bytes);
    let mut rest = body;
    let plain = match format {
        Format::Gzip if body.starts_with(&[0x1f, 0x8b]) => read(GzDecoder::new(&mut rest), limit),
        Format::Gzip => read(ZlibDecoder::new(&mut rest), limit),
        Format::Bzip2 => read(BzDecoder::new(&mut rest), limit),
        Format::Xz => read(XzReader::new_mem_limit(&mut rest, false, XZ_MEMORY), limit),
    };
    match plain.map_err(DecompressError::Invalid)? {
        Some(_) if !rest.is_empty() => Err(DecompressError::TrailingBytes { bytes: rest.len() }),
        Some(plain) => Ok(plain),
        None if limit == max_bytes => Err(DecompressError::TooLarge { max_bytes }),
        None => Err(DecompressError::RatioTooHigh { bytes: body.len() }),
    }
}

/// Reads to the end; `None` if that exceeds `limit`, of which at most one byte more is read.
fn read(decoder: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut plain = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(one_more).read_to_end(&mut plain)?;
    Ok((plain.len() <= limit).then_some(plain))
}

/// Compressed bodies for tests.
#[cfg(test)]
pub(super) mod samples {
    use std::io::Write;

    use lzma_rust2::{XzOptions, XzWriter};

    pub(in super::super) fn zlib(plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    pub(in super::super) fn gzip(plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    pub(in super::super) fn bzip2(plain: &[u8]) -> Vec<u8> {
        let level = bzip2::Compression::default();
        let mut writer = bzip2::write::BzEncoder::new(Vec::new(), level);
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    pub(in super::super) fn xz(plain: &[u8]) -> Vec<u8> {
        let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(6)).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Compress = fn(&[u8]) -> Vec<u8>;

    const FORMATS: [(&str, Format, Compress); 4] = [
        ("zlib", Format::Gzip, samples::zlib),
        ("gzip", Format::Gzip, samples::gzip),
        ("bzip2", Format::Bzip2, samples::bzip2),
        ("xz", Format::Xz, samples::xz),
    ];

    /// The result of Python's `lzma.compress(b"{}")`.
    const XZ: &[u8] = &[
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21,
        0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x01, 0x7b, 0x7d, 0x00,
        0x00, 0x00, 0x5d, 0xd5, 0xde, 0x75, 0x6a, 0x59, 0x91, 0x93, 0x00, 0x01, 0x1a, 0x02, 0xdc,
        0x2e, 0xa5, 0x7e, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ];

    /// The result of Python's `bz2.compress(b" " * (16 << 20))`.
    const BZIP2_BOMB: &[u8] = &[
        0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x25, 0xe4, 0x1f, 0xdd, 0x00,
        0x80, 0x80, 0x90, 0x00, 0xc0, 0x00, 0x00, 0x08, 0x20, 0x00, 0x30, 0x80, 0x29, 0x1a, 0x01,
        0x00, 0xd2, 0x01, 0x00, 0xe2, 0xee, 0x48, 0xa7, 0x0a, 0x12, 0x04, 0xbc, 0x83, 0xfb, 0xa0,
    ];

    /// Returns JSON with so many bytes.
    fn json(length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(1);
        let mut json = Vec::new();
        while json.len() < length {
            let entry = format!(r#"{{"id": {}, "name": "server"}}, "#, random.u64(..));
            json.extend_from_slice(entry.as_bytes());
        }
        json.truncate(length);
        json
    }

    #[test]
    fn what_is_compressed_comes_back() {
        for plain in [&b""[..], b"{}", &json(50_000)] {
            for (name, format, compress) in FORMATS {
                let read = decompress(format, &compress(plain), plain.len()).unwrap();
                assert!(read == plain, "{name}, {} bytes", plain.len());
            }
        }
        assert_eq!(decompress(Format::Xz, XZ, 2).unwrap(), b"{}");
        let large = json(3 * ANY_RATIO);
        assert!(decompress(Format::Gzip, &samples::zlib(&large), large.len()).unwrap() == large);
    }

    #[test]
    fn a_body_that_exceeds_the_size_limit_once_decompressed_is_refused() {
        for (name, format, compress) in FORMATS {
            let compressed = compress(&json(200_000));
            let error = decompress(format, &compressed, 199_999).unwrap_err();
            let is_expected = matches!(error, DecompressError::TooLarge { max_bytes: 199_999 });
            assert!(is_expected, "{name}: {error:?}");
            assert_eq!(decompress(format, &compressed, 200_000).unwrap().len(), 200_000, "{name}");
        }
    }

    #[test]
    fn a_body_that_expands_too_much_is_refused() {
        for (name, format, compress) in FORMATS {
            let blanks = vec![b' '; ANY_RATIO + 1];
            let error = decompress(format, &compress(&blanks), 16 << 20).unwrap_err();
            assert!(matches!(error, DecompressError::RatioTooHigh { .. }), "{name}: {error:?}");
            // So little is little work, whatever the ratio.
            let plain = decompress(format, &compress(&blanks[1..]), 16 << 20).unwrap();
            assert!(plain == blanks[1..], "{name}");
        }
        let error = decompress(Format::Bzip2, BZIP2_BOMB, 16 << 20).unwrap_err();
        assert_eq!(
            error.to_string(),
            "its 45 bytes expand to more than 1048576 bytes and to more than 100 times their number"
        );
    }

    #[test]
    fn nothing_may_follow_the_compressed_data() {
        for (name, format, compress) in FORMATS {
            for more in [&b"\0"[..], &compress(b""), &compress(b"{}")] {
                let body = [compress(b"{}"), more.to_vec()].concat();
                let error = decompress(format, &body, 100).unwrap_err();
                let is_expected = matches!(error, DecompressError::TrailingBytes { bytes } if bytes == more.len());
                assert!(is_expected, "{name}: {error:?}");
            }
        }
    }

    #[test]
    fn a_body_that_is_cut_short_or_damaged_is_refused_or_read_within_the_limit() {
        for (name, format, compress) in FORMATS {
            let whole = compress(&json(500));
            for end in 0..whole.len() {
                let cut = decompress(format, &whole[..end], 1_000);
                assert!(end == 0 || cut.is_err(), "{name}, {end} bytes: {cut:?}");
                let mut damaged = whole.clone();
                damaged[end] ^= 0x55;
                if let Ok(plain) = decompress(format, &damaged, 1_000) {
                    assert!(plain.len() <= 1_000, "{name}, byte {end}");
                }
            }
        }
    }
}
