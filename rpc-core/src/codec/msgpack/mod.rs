//! MessagePack: written with `rmp-serde`, read by [`de`].

mod de;
mod entries;
mod scan;

use serde::Serialize;
use serde::de::DeserializeSeed;

pub use self::de::Deserializer;
pub(super) use self::entries::Entries;
use super::Shape;
use super::buffer::Buffer;
use super::error::{DecodeError, EncodeError};
use super::strict::Strict;

pub(super) const EMPTY_MAP: &[u8] = &[0x80];

pub(super) fn encode<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Buffer,
) -> Result<(), EncodeError> {
    let mut serializer = rmp_serde::Serializer::new(buffer).with_struct_map().with_human_readable();
    value.serialize(Strict::<_, false>::new(&mut serializer)).map_err(EncodeError::new)
}

pub(super) fn decode<'de, S: DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
    max_depth: usize,
    encoded_here: bool,
) -> Result<S::Value, DecodeError> {
    if !encoded_here {
        scan::check(bytes, max_depth)?;
        return seed.deserialize(&mut Deserializer::new(bytes, max_depth));
    }
    let mut deserializer = Deserializer::new(bytes, max_depth);
    match seed.deserialize(&mut deserializer) {
        Ok(value) if deserializer.is_at_end() => Ok(value),
        // The error is the same as for bytes that were received.
        decoded => scan::check(bytes, max_depth).and(decoded),
    }
}

/// Returns a deserializer of the entries, if the bytes are a sound map of `length` entries.
#[inline]
pub(super) fn entries(
    bytes: &[u8],
    length: usize,
    max_depth: usize,
    encoded_here: bool,
) -> Option<Deserializer<'_>> {
    let mut deserializer = Deserializer::new(bytes, max_depth);
    deserializer.take_map(length)?;
    let sound = encoded_here || scan::check(bytes, max_depth).is_ok();
    sound.then_some(deserializer)
}

pub(super) fn shape_of(encoded: &[u8]) -> Shape {
    match encoded {
        // fixmap, map 16, map 32
        [0x80..=0x8f | 0xde | 0xdf, ..] => Shape::Map,
        [0xc0] => Shape::Nil,
        _ => Shape::Other,
    }
}
