//! Decompression of bodies that kombu compressed (`kombu_compression`). Nothing is compressed here: receivers need not
//! support it.

use std::borrow::Cow;
use std::io::{self, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use lzma_rust2::XzReader;

/// The most memory that decoding xz may reserve, in KiB. Python's default preset needs half of it.
const XZ_MEMORY: u32 = 17 * 1024;

/// Decompresses a body to at most `max_bytes`. `compression` is the message's header of that name; an unknown name means
/// that the body is not compressed, as in kombu.
pub(super) fn decompress<'a>(
    body: &'a [u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<Cow<'a, [u8]>, String> {
    let Some(name) = compression else { return Ok(Cow::Borrowed(body)) };
    let decompressed = match name {
        // Python writes a zlib stream under this name; others write gzip.
        "application/x-gzip" | "gzip" | "zlib" if body.starts_with(&[0x1f, 0x8b]) => {
            read(MultiGzDecoder::new(body), max_bytes)
        }
        "application/x-gzip" | "gzip" | "zlib" => read(ZlibDecoder::new(body), max_bytes),
        "application/x-bz2" | "bzip2" | "bzip" => read(MultiBzDecoder::new(body), max_bytes),
        "application/x-lzma" | "lzma" | "xz" => {
            read(XzReader::new_mem_limit(body, true, XZ_MEMORY), max_bytes)
        }
        "application/x-brotli" | "brotli" | "application/zstd" | "zstd" | "zstandard" => {
            return Err(format!(
                "unsupported compression `{name}`: set the sender's `kombu_compression` to gzip"
            ));
        }
        _ => return Ok(Cow::Borrowed(body)),
    };
    match decompressed {
        Ok(Some(body)) => Ok(Cow::Owned(body)),
        Ok(None) => {
            Err(format!("the body exceeds {max_bytes} bytes once decompressed as `{name}`"))
        }
        Err(error) => Err(format!("cannot decompress the body as `{name}`: {error}")),
    }
}

/// Reads to the end; `None` if that exceeds `max_bytes`.
fn read(decoder: impl Read, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    let one_more = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(one_more).read_to_end(&mut body)?;
    Ok((body.len() <= max_bytes).then_some(body))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;

    use super::*;

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
        writer.write_all(body).unwrap();
        writer.finish().unwrap()
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        writer.write_all(body).unwrap();
        writer.finish().unwrap()
    }

    fn bzip2(body: &[u8]) -> Vec<u8> {
        let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        writer.write_all(body).unwrap();
        writer.finish().unwrap()
    }

    /// The result of Python's `lzma.compress(b"{}")`.
    const XZ: &[u8] = &[
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21,
        0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x01, 0x7b, 0x7d, 0x00,
        0x00, 0x00, 0x5d, 0xd5, 0xde, 0x75, 0x6a, 0x59, 0x91, 0x93, 0x00, 0x01, 0x1a, 0x02, 0xdc,
        0x2e, 0xa5, 0x7e, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ];

    #[test]
    fn everything_that_kombu_writes_is_decompressed() {
        for (name, compressed) in [
            ("application/x-gzip", zlib(b"{}")),
            ("gzip", zlib(b"{}")),
            ("zlib", gzip(b"{}")),
            ("application/x-gzip", gzip(b"{}")),
            ("application/x-bz2", bzip2(b"{}")),
            ("bzip", bzip2(b"{}")),
            ("application/x-lzma", XZ.to_vec()),
            ("xz", XZ.to_vec()),
        ] {
            assert_eq!(decompress(&compressed, Some(name), 2).unwrap(), b"{}".as_slice(), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_leaves_the_body_as_it_is() {
        for name in [None, Some("rot13"), Some("")] {
            assert_eq!(decompress(b"{}", name, 0).unwrap(), b"{}".as_slice());
        }
    }

    #[test]
    fn a_body_that_exceeds_the_limit_once_decompressed_is_rejected() {
        let zeros = vec![0; 1 << 20];
        for (name, bomb) in
            [("zlib", zlib(&zeros)), ("gzip", gzip(&zeros)), ("bzip2", bzip2(&zeros))]
        {
            let reason = decompress(&bomb, Some(name), 1000).unwrap_err();
            let expected = "the body exceeds 1000 bytes once decompressed";
            assert!(reason.starts_with(expected), "{reason}");
        }
    }

    #[test]
    fn a_body_that_cannot_be_decompressed_is_rejected() {
        for name in ["zlib", "bzip2", "xz", "zstd"] {
            assert!(decompress(b"{}", Some(name), 100).unwrap_err().contains(name));
        }
        for (name, whole) in [("zlib", zlib(b"{}")), ("bzip2", bzip2(b"{}")), ("xz", XZ.to_vec())] {
            for end in 0..whole.len() {
                let _ = decompress(&whole[..end], Some(name), 100);
                let mut broken = whole.clone();
                broken[end] ^= 0x55;
                let _ = decompress(&broken, Some(name), 100);
            }
        }
    }
}
