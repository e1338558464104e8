//! What an argument is that was left out.

use std::fmt::{self, Display};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// `None` for an `Option`, whatever it is called; nothing for all other types.
pub(super) fn absent<'de, T: Deserialize<'de>>() -> Option<T> {
    T::deserialize(Absent).ok()
}

/// Has a value for options only, as serde's own derive has for fields that are left out.
struct Absent;

/// There is no value. Carries no text: the message lists all missing arguments at once.
#[derive(Debug)]
struct NoValue;

impl<'de> Deserializer<'de> for Absent {
    type Error = NoValue;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoValue> {
        Err(NoValue)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoValue> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("left out")
    }
}

impl std::error::Error for NoValue {}

impl de::Error for NoValue {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}
