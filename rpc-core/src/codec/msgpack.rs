//! MessagePack, by `rmp-serde`.

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::error::{DecodeError, DecodeErrorKind, EncodeError};

/// Enough for the arguments of most calls, so that writing them allocates once.
const FIRST_CAPACITY: usize = 128;

pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(FIRST_CAPACITY);
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value.serialize(&mut serializer).map_err(EncodeError::new)?;
    Ok(bytes)
}

pub(super) fn decode<'de, S: DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
    max_depth: usize,
) -> Result<S::Value, DecodeError> {
    check(bytes, max_depth)?;
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    seed.deserialize(&mut deserializer).map_err(|error| refused(&error))
}

/// Says in words what `rmp_serde` says with the name of a marker byte.
fn refused(error: &rmp_serde::decode::Error) -> DecodeError {
    let rmp_serde::decode::Error::TypeMismatch(marker) = error else {
        return DecodeError::mismatch(error);
    };
    DecodeError::mismatch(format_args!(
        "invalid type: {}",
        match marker.to_u8() {
            0xc0 => "null",
            0xc2 | 0xc3 => "a boolean",
            0xca | 0xcb => "a float",
            0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff => "an integer",
            0xa0..=0xbf | 0xd9..=0xdb => "a string",
            0xc4..=0xc6 => "bytes",
            0x90..=0x9f | 0xdc | 0xdd => "an array",
            0x80..=0x8f | 0xde | 0xdf => "a map",
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => "an extension",
        }
    ))
}

/// Verifies that the bytes are exactly one value, nested no deeper than `max_depth`, in which
/// every declared length is really there.
fn check(bytes: &[u8], max_depth: usize) -> Result<(), DecodeError> {
    let mut scan = Scan { bytes, at: 0 };
    // How deep something is cannot exceed how many arrays and maps there are: as long as those
    // are few, which they are in most messages, it is enough to count the values still to come.
    let (mut owed, mut containers) = (1usize, 0usize);
    while owed > 0 {
        let (children, container) = match scan.simple() {
            Some(simple) => simple,
            None => scan.next()?.map_or((0, 0), |children| (children, 1)),
        };
        owed = owed - 1 + children;
        containers += container;
        if containers > max_depth {
            return check_deep(bytes, max_depth);
        }
    }
    scan.finish()
}

/// The same, with the levels kept apart.
fn check_deep(bytes: &[u8], max_depth: usize) -> Result<(), DecodeError> {
    let mut scan = Scan { bytes, at: 0 };
    let mut owed = [0usize; super::DecodeLimits::MAX_DEPTH + 1];
    owed[0] = 1;
    let mut level = 0;
    loop {
        while owed[level] == 0 {
            if level == 0 {
                return scan.finish();
            }
            level -= 1;
        }
        owed[level] -= 1;
        if let Some(children) = scan.next()? {
            if level == max_depth {
                return Err(DecodeErrorKind::TooDeep { limit: max_depth }.into());
            }
            level += 1;
            owed[level] = children;
        }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What the markers say that say all about their value: for a scalar how many bytes follow, for an array or a map
/// [`CONTAINER`] and how many values. [`OTHER`] for all others.
const SIMPLE: [u8; 256] = {
    let mut simple = [OTHER; 256];
    let mut marker = 0;
    while marker < 256 {
        // The casts keep the few bits that there are.
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
    /// Goes behind a short scalar, or behind the head of a small array or map, if one is there and can be whole:
    /// most values are such. How many values it holds, and how many containers it is (one or none).
    #[inline]
    fn simple(&mut self) -> Option<(usize, usize)> {
        let simple = SIMPLE[usize::from(*self.bytes.get(self.at)?)];
        // Bytes that follow, or values that do, of which each takes a byte at least.
        let count = usize::from(simple & !CONTAINER);
        if simple == OTHER || self.at + 1 + count > self.bytes.len() {
            return None;
        }
        let container = simple >= CONTAINER;
        self.at += if container { 1 } else { 1 + count };
        Some(if container { (count, 1) } else { (0, 0) })
    }

    /// Goes behind a scalar, or behind the head of an array or a map, whose number of values
    /// (two for each entry of a map) is returned.
    #[inline]
    fn next(&mut self) -> Result<Option<usize>, DecodeError> {
        let Some(&marker) = self.bytes.get(self.at) else { return Err(self.cut_short()) };
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
            // The type of an extension stands between its length and its data.
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
            return Err(self.cut_short());
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

    /// Each value takes a byte at least, so more of them than bytes left are not there; with
    /// that the product cannot overflow either.
    #[inline]
    fn children(&mut self, count: usize, each: usize) -> Result<Option<usize>, DecodeError> {
        if count > (self.bytes.len() - self.at) / each {
            return Err(self.cut_short());
        }
        Ok(Some(count * each))
    }

    fn length<const N: usize>(&mut self) -> Result<usize, DecodeError> {
        let Some(head) = self.bytes[self.at..].first_chunk::<N>() else {
            return Err(self.cut_short());
        };
        self.at += N;
        Ok(head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    fn finish(&self) -> Result<(), DecodeError> {
        if self.at < self.bytes.len() {
            return Err(DecodeError::malformed(self.at, "trailing bytes"));
        }
        Ok(())
    }

    #[cold]
    fn cut_short(&self) -> DecodeError {
        DecodeError::malformed(self.at, "less data than declared")
    }
}
