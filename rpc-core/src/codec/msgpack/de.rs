//! Reads MessagePack.
//!
//! It is our own instead of that of `rmp-serde`, because keys of maps are text that types may expect
//! as numbers, and because types that serde buffers must see bytes as JSON shows them.

use std::borrow::Cow;

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::scan;
use crate::codec::ANY_WITH_BYTES;
use crate::codec::error::{DecodeError, DecodeErrorKind, check_exhausted, not_a_variant};
use crate::codec::key::KeyDeserializer;

/// Deserializes the values at the start of the bytes, one after another.
#[derive(Debug)]
pub struct Deserializer<'de> {
    bytes: &'de [u8],
    /// How many levels of arrays and maps may follow: nested values recurse.
    depth: usize,
    max_depth: usize,
}

/// A scalar, or the header of an array or map with the number of its elements.
enum Token<'de> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Text(&'de [u8]),
    Bytes(&'de [u8]),
    Array(usize),
    Map(usize),
    Extension,
}

impl<'de> Token<'de> {
    #[cold]
    fn unexpected(&self) -> Unexpected<'de> {
        match *self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(value),
            Self::Unsigned(value) => Unexpected::Unsigned(value),
            Self::Signed(value) => Unexpected::Signed(value),
            Self::F32(value) => Unexpected::Float(value.into()),
            Self::F64(value) => Unexpected::Float(value),
            Self::Text(text) => Unexpected::Bytes(text),
            Self::Bytes(bytes) => Unexpected::Bytes(bytes),
            Self::Array(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
            Self::Extension => Unexpected::Other("an extension type"),
        }
    }
}

#[cold]
fn truncated() -> DecodeError {
    DecodeErrorKind::Malformed { offset: None, reason: "less data than declared".into() }.into()
}

impl<'de> Deserializer<'de> {
    pub(crate) const fn new(bytes: &'de [u8], max_depth: usize) -> Self {
        Self { bytes, depth: max_depth, max_depth }
    }

    /// Returns whether all bytes have been read.
    #[inline]
    pub(crate) const fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads the header of a map, if one with this many entries follows, in its shortest form.
    #[inline]
    pub(crate) fn take_map(&mut self, length: usize) -> Option<()> {
        let (&marker, rest) = self.bytes.split_first()?;
        (length < 16 && usize::from(marker) == 0x80 | length).then_some(())?;
        self.bytes = rest;
        self.enter().ok()
    }

    /// Reads a key, if this one follows, in its shortest form.
    #[inline]
    pub(crate) fn take_key(&mut self, key: &str) -> Option<()> {
        let (&marker, rest) = self.bytes.split_first()?;
        (key.len() < 32 && usize::from(marker) == 0xa0 | key.len()).then_some(())?;
        self.bytes = rest.strip_prefix(key.as_bytes())?;
        Some(())
    }

    /// Enters an array or map. Whoever has read it to its end adds the level again.
    #[inline]
    fn enter(&mut self) -> Result<(), DecodeError> {
        match self.depth.checked_sub(1) {
            Some(depth) => {
                self.depth = depth;
                Ok(())
            }
            None => Err(DecodeErrorKind::TooDeep { limit: self.max_depth }.into()),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(*head)
    }

    #[inline]
    fn slice(&mut self, length: usize) -> Result<&'de [u8], DecodeError> {
        let (head, rest) = self.bytes.split_at_checked(length).ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(head)
    }

    /// Reads a big-endian length.
    #[inline]
    fn length<const N: usize>(&mut self) -> Result<usize, DecodeError> {
        let bytes = self.array::<N>()?;
        Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, DecodeError> {
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(marker.into()),
            0xe0..=0xff => Token::Signed(marker.cast_signed().into()),
            0xa0..=0xbf => Token::Text(self.slice(usize::from(marker & 0x1f))?),
            0x80..=0x8f => Token::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Token::Array(usize::from(marker & 0x0f)),
            0xc0 => Token::Null,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            // Texts of 32 to 255 bytes are frequent enough to be read in line.
            0xd9 => {
                let [length] = self.array()?;
                Token::Text(self.slice(usize::from(length))?)
            }
            _ => self.wide_token(marker)?,
        })
    }

    /// Reads the rest of a token that does not fit in its marker.
    fn wide_token(&mut self, marker: u8) -> Result<Token<'de>, DecodeError> {
        let sized = match marker {
            0xc4 | 0xc7 => self.length::<1>(),
            0xc5 | 0xc8 | 0xda | 0xdc | 0xde => self.length::<2>(),
            0xc6 | 0xc9 | 0xdb | 0xdd | 0xdf => self.length::<4>(),
            0xd4..=0xd8 => Ok(1 << (marker - 0xd4)),
            _ => Ok(0),
        };
        Ok(match marker {
            0xcc => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => Token::Signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Signed(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Token::Signed(i64::from_be_bytes(self.array()?)),
            0xca => Token::F32(f32::from_be_bytes(self.array()?)),
            0xcb => Token::F64(f64::from_be_bytes(self.array()?)),
            0xda | 0xdb => Token::Text(self.slice(sized?)?),
            0xc4..=0xc6 => Token::Bytes(self.slice(sized?)?),
            0xdc | 0xdd => Token::Array(sized?),
            0xde | 0xdf => Token::Map(sized?),
            _ => {
                // The type of the extension, and its data.
                self.slice(1)?;
                self.slice(sized?)?;
                Token::Extension
            }
        })
    }

    /// Passes a token to the visitor. Bytes become an array of numbers, as in JSON.
    #[inline]
    fn visit<V: Visitor<'de>>(
        &mut self,
        token: Token<'de>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match token {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::F32(value) => visitor.visit_f32(value),
            Token::F64(value) => visitor.visit_f64(value),
            Token::Text(text) => match str::from_utf8(text) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(text),
            },
            Token::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            Token::Array(length) => {
                self.enter()?;
                let mut elements = Elements { deserializer: self, left: length };
                let value = visitor.visit_seq(&mut elements)?;
                elements.deserializer.depth += 1;
                check_exhausted(length, elements.left).map(|()| value)
            }
            Token::Map(length) => {
                self.enter()?;
                let mut entries = Elements { deserializer: self, left: length };
                let value = visitor.visit_map(&mut entries)?;
                entries.deserializer.depth += 1;
                check_exhausted(length, entries.left).map(|()| value)
            }
            Token::Extension => visitor.visit_newtype_struct(Extension),
        }
    }
}

impl<'de> serde::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = DecodeError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let token = self.token()?;
        self.visit(token, visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.token()? {
            Token::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    // Some programs write names as bytes.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let [0xc0, rest @ ..] = self.bytes {
            self.bytes = rest;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == ANY_WITH_BYTES {
            return self.deserialize_bytes(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.token()? {
            Token::Text(name) => match str::from_utf8(name) {
                Ok(name) => visitor.visit_enum(Cow::Borrowed(name).into_deserializer()),
                Err(_) => Err(not_a_variant(Unexpected::Bytes(name))),
            },
            Token::Map(1) => {
                self.enter()?;
                let value = visitor.visit_enum(Variant(self))?;
                self.depth += 1;
                Ok(value)
            }
            token => Err(not_a_variant(token.unexpected())),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.slice(scan::length(self.bytes, self.depth, self.max_depth)?)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq
        tuple tuple_struct map struct
    }
}

/// An extension type of MessagePack, which can only be ignored.
struct Extension;

impl<'de> serde::Deserializer<'de> for Extension {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::mismatch("invalid type: an extension type of MessagePack"))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The elements of an array, or the entries of a map.
struct Elements<'a, 'de> {
    deserializer: &'a mut Deserializer<'de>,
    left: usize,
}

impl Elements<'_, '_> {
    #[inline]
    fn next(&mut self) -> bool {
        let more = self.left > 0;
        self.left -= usize::from(more);
        more
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if !self.next() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.deserializer).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if !self.next() {
            return Ok(None);
        }
        let at = self.deserializer.bytes;
        if let Token::Text(key) = self.deserializer.token()?
            && let Ok(key) = str::from_utf8(key)
        {
            return seed.deserialize(KeyDeserializer(Cow::Borrowed(key))).map(Some);
        }
        // Other programs may write keys that are not text.
        self.deserializer.bytes = at;
        seed.deserialize(&mut *self.deserializer).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        seed.deserialize(&mut *self.deserializer)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant as a map of its name and its content.
struct Variant<'a, 'de>(&'a mut Deserializer<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        if let Token::Text(name) = self.0.token()?
            && let Ok(name) = str::from_utf8(name)
        {
            return Ok((seed.deserialize(KeyDeserializer(Cow::Borrowed(name)))?, self));
        }
        Err(not_a_variant(Unexpected::Map))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        de::Deserializer::deserialize_any(self.0, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        de::Deserializer::deserialize_any(self.0, visitor)
    }
}
