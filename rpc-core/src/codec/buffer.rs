//! The buffer that values are encoded into.

use std::cell::Cell;
use std::io::{self, Write};

use bytes::Bytes;

use super::error::EncodeError;

/// The size in bytes up to which a message is copied out of the buffer.
///
/// A small message then is one allocation of its exact size, and the buffer serves the next one. Copying a larger one
/// costs more than allocating a buffer again.
const MAX_COPIED: usize = 4096;

/// The initial capacity: enough for the arguments of most calls.
const INITIAL_CAPACITY: usize = 512;

/// The capacity in bytes that is reserved after a large text or large bytes, for what follows them.
const TRAILING_CAPACITY: usize = 1024;

/// The spare capacity in bytes that a message does not keep: it may stay in a queue for a long time. Below it, returning
/// memory costs more than it saves.
const MAX_SPARE: usize = 1 << 20;

thread_local! {
    /// Taken while it is in use, so that a `Serialize` implementation can encode another value.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Returns the bytes that `write` appends to an empty buffer.
pub(super) fn collect(
    write: impl FnOnce(&mut Buffer) -> Result<(), EncodeError>,
) -> Result<Bytes, EncodeError> {
    // A destructor of another thread-local may encode after this one is gone.
    let mut buffer = Buffer(BUFFER.try_with(Cell::take).unwrap_or_default());
    buffer.0.reserve(INITIAL_CAPACITY);
    write(&mut buffer)?;
    let Buffer(mut buffer) = buffer;
    if buffer.len() > MAX_COPIED {
        if buffer.capacity() - buffer.len() > MAX_SPARE {
            buffer.shrink_to_fit();
        }
        return Ok(Bytes::from(buffer));
    }
    let message = Bytes::copy_from_slice(&buffer);
    buffer.clear();
    let _ = BUFFER.try_with(|shared| shared.set(buffer));
    Ok(message)
}

/// A buffer that a single large text or large bytes do not double.
///
/// A `Vec` that has just grown to a text of 65,000 bytes doubles for the next byte: a copy, and pages that the allocator
/// may take from the system and return for each call. With that, an echo of this size took 1.27 × the floor's time.
pub(super) struct Buffer(Vec<u8>);

impl Write for Buffer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if bytes.len() > self.0.capacity() - self.0.len() {
            self.grow(bytes.len());
        }
        self.0.extend_from_slice(bytes);
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        if more > self.0.len() {
            self.0.reserve_exact(more + TRAILING_CAPACITY);
        } else {
            // Doubles.
            self.0.reserve(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, Serializer};

    use crate::codec::{Codec, DecodeLimits};

    /// Encodes itself as the bytes of another encoding.
    struct Nested(u8);

    impl Serialize for Nested {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = match self.0 {
                0 => Codec::Json.encode("innermost").unwrap(),
                depth => Codec::Json.encode(&(depth, Nested(depth - 1))).unwrap(),
            };
            serializer.serialize_str(str::from_utf8(&inner).unwrap())
        }
    }

    #[test]
    fn a_value_that_encodes_others_while_it_is_encoded_is_encoded_right() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let encoded = codec.encode(&("before", Nested(1), "after")).unwrap();
            let limits = DecodeLimits::new();
            let (before, nested, after): (String, String, String) =
                codec.decode(&encoded, &limits).unwrap();
            assert_eq!((&*before, &*after), ("before", "after"));
            let (depth, inner): (u8, String) =
                Codec::Json.decode(nested.as_bytes(), &limits).unwrap();
            assert_eq!((depth, &*inner), (1, r#""innermost""#));
        }
    }

    #[test]
    fn messages_of_all_sizes_are_their_own_bytes() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let sizes = [0, 1, 500, 4090, 4097, 5000, 65_000, 65_537, 1 << 20, 3];
            let texts: Vec<_> = sizes.iter().map(|&size| "a".repeat(size)).collect();
            let encoded: Vec<_> = texts.iter().map(|text| codec.encode(text).unwrap()).collect();
            for (text, encoded) in texts.iter().zip(encoded) {
                let decoded: String = codec.decode(&encoded, &DecodeLimits::new()).unwrap();
                assert!(decoded == *text, "{codec:?}, {} bytes", text.len());
            }
        }
    }

    #[test]
    fn a_failed_encoding_leaves_nothing_behind_for_the_next() {
        let map = std::collections::BTreeMap::from([(vec![1], 1)]);
        assert!(Codec::Json.encode(&("left behind", map)).is_err());
        assert_eq!(Codec::Json.encode(&1).unwrap(), &b"1"[..]);
    }
}
