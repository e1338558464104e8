//! MessagePack: written with `rmp-serde`, read by [`de`].

mod de;
mod scan;

use serde::Serialize;
use serde::de::DeserializeSeed;

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
) -> Result<S::Value, DecodeError> {
    scan::check(bytes, max_depth)?;
    seed.deserialize(&mut de::Deserializer::new(bytes))
}

pub(super) fn shape_of(encoded: &[u8]) -> Shape {
    match encoded {
        // fixmap, map 16, map 32
        [0x80..=0x8f | 0xde | 0xdf, ..] => Shape::Map,
        [0xc0] => Shape::Nil,
        _ => Shape::Other,
    }
}
