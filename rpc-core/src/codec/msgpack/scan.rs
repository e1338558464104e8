//! Checks the structure of MessagePack bytes without decoding them.

use crate::codec::error::{DecodeError, DecodeErrorKind};
use crate::codec::limits::DecodeLimits;

/// Checks that the bytes are exactly one value, nested no deeper than `max_depth`, and that all
/// declared lengths are present.
pub(super) fn check(bytes: &[u8], max_depth: usize) -> Result<(), DecodeError> {
    match length(bytes, max_depth, max_depth)? {
        length if length < bytes.len() => Err(DecodeError::malformed(length, "trailing bytes")),
        _ => Ok(()),
    }
}

/// Returns the length in bytes of the value at the start of the bytes, which may have `depth` more
/// levels of the `max_depth` that all of the message may have.
pub(super) fn length(bytes: &[u8], depth: usize, max_depth: usize) -> Result<usize, DecodeError> {
    let mut scan = Scan { bytes, at: 0 };
    // The depth cannot exceed the number of arrays and maps. As long as that number is small, as in
    // most messages, it is enough to count the values that must follow.
    let (mut pending, mut containers) = (1usize, 0usize);
    while pending > 0 {
        let (children, container) = match scan.simple() {
            Some(simple) => simple,
            None => scan.next()?.map_or((0, 0), |children| (children, 1)),
        };
        pending = pending - 1 + children;
        containers += container;
        if containers > depth {
            return length_if_deep(bytes, depth, max_depth);
        }
    }
    Ok(scan.at)
}

/// Returns what [`length`] returns, and counts the pending values per level.
fn length_if_deep(bytes: &[u8], depth: usize, max_depth: usize) -> Result<usize, DecodeError> {
    let mut scan = Scan { bytes, at: 0 };
    let mut pending = [0usize; DecodeLimits::MAX_DEPTH + 1];
    pending[0] = 1;
    let mut level = 0;
    loop {
        while pending[level] == 0 {
            if level == 0 {
                return Ok(scan.at);
            }
            level -= 1;
        }
        pending[level] -= 1;
        if let Some(children) = scan.next()? {
            if level == depth {
                return Err(DecodeErrorKind::TooDeep { limit: max_depth }.into());
            }
            level += 1;
            pending[level] = children;
        }
    }
}

/// A scanner that skips values without decoding them.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The length of values whose marker determines it: for a scalar the number of bytes that follow,
/// for an array or a map [`CONTAINER`] plus the number of values. [`OTHER`] for all other markers.
const SIMPLE: [u8; 256] = {
    let mut simple = [OTHER; 256];
    let mut marker = 0;
    while marker < 256 {
        // The casts do not truncate: the values are masked.
        simple[marker] = match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
            0x80..=0x8f => CONTAINER | ((marker & 0x0f) as u8 * 2),
            0x90..=0x9f => CONTAINER | (marker & 0x0f) as u8,
            0xa0..=0xbf => (marker & 0x1f) as u8,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            _ => OTHER,
        };
        marker += 1;
    }
    simple
};

const CONTAINER: u8 = 0x80;
const OTHER: u8 = u8::MAX;

impl Scan<'_> {
    /// Skips a short scalar or the header of a small array or map, which most values are.
    ///
    /// Returns the number of contained values and the number of containers (one or zero). Returns
    /// `None` for other values and for incomplete ones.
    #[inline]
    fn simple(&mut self) -> Option<(usize, usize)> {
        let simple = SIMPLE[usize::from(*self.bytes.get(self.at)?)];
        // The number of bytes that follow, or of values, each of which takes at least one byte.
        let count = usize::from(simple & !CONTAINER);
        if simple == OTHER || self.at + 1 + count > self.bytes.len() {
            return None;
        }
        let container = simple >= CONTAINER;
        self.at += if container { 1 } else { 1 + count };
        Some(if container { (count, 1) } else { (0, 0) })
    }

    /// Skips a scalar or the header of an array or map.
    ///
    /// Returns the number of values of an array or map (two per map entry), or `None` for a scalar.
    #[inline]
    fn next(&mut self) -> Result<Option<usize>, DecodeError> {
        let Some(&marker) = self.bytes.get(self.at) else { return Err(self.truncated()) };
        self.at += 1;
        match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Ok(None),
            0x80..=0x8f => self.children(usize::from(marker & 0x0f), 2),
            0x90..=0x9f => self.children(usize::from(marker & 0x0f), 1),
            0xa0..=0xbf => self.skip(usize::from(marker & 0x1f)),
            0xc1 => Err(DecodeError::malformed(self.at - 1, "reserved marker 0xc1")),
            0xcc | 0xd0 => self.skip(1),
            0xcd | 0xd1 => self.skip(2),
            0xca | 0xce | 0xd2 => self.skip(4),
            0xcb | 0xcf | 0xd3 => self.skip(8),
            0xc4 | 0xd9 => self.sized::<1>(0),
            0xc5 | 0xda => self.sized::<2>(0),
            0xc6 | 0xdb => self.sized::<4>(0),
            // The type byte of an extension is between its length and its data.
            0xc7 => self.sized::<1>(1),
            0xc8 => self.sized::<2>(1),
            0xc9 => self.sized::<4>(1),
            0xd4..=0xd8 => self.skip(1 + (1 << (marker - 0xd4))),
            0xdc => self.counted::<2>(1),
            0xdd => self.counted::<4>(1),
            0xde => self.counted::<2>(2),
            0xdf => self.counted::<4>(2),
        }
    }

    #[inline]
    fn skip(&mut self, length: usize) -> Result<Option<usize>, DecodeError> {
        if length > self.bytes.len() - self.at {
            return Err(self.truncated());
        }
        self.at += length;
        Ok(None)
    }

    fn sized<const N: usize>(&mut self, kind: usize) -> Result<Option<usize>, DecodeError> {
        let length = self.length::<N>()?;
        self.skip(kind)?;
        self.skip(length)
    }

    fn counted<const N: usize>(&mut self, each: usize) -> Result<Option<usize>, DecodeError> {
        let count = self.length::<N>()?;
        self.children(count, each)
    }

    /// Returns the number of values in `count` elements.
    ///
    /// Each value takes at least one byte. So there cannot be more values than remaining bytes, and
    /// the product cannot overflow.
    #[inline]
    fn children(&mut self, count: usize, each: usize) -> Result<Option<usize>, DecodeError> {
        if count > (self.bytes.len() - self.at) / each {
            return Err(self.truncated());
        }
        Ok(Some(count * each))
    }

    fn length<const N: usize>(&mut self) -> Result<usize, DecodeError> {
        let Some(head) = self.bytes[self.at..].first_chunk::<N>() else {
            return Err(self.truncated());
        };
        self.at += N;
        Ok(head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    #[cold]
    fn truncated(&self) -> DecodeError {
        DecodeError::malformed(self.at, "less data than declared")
    }
}
