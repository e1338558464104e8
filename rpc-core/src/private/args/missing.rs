//! The value of a missing argument, and what a type expects.

use std::fmt::{self, Display};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Returns `None` for an `Option` or an alias of one. Fails for all other types with what they
/// expect.
pub(super) fn value_if_missing<'de, T: Deserialize<'de>>() -> Result<T, String> {
    T::deserialize(MissingValue { option_is_none: true }).map_err(|ExpectedType(expected)| expected)
}

/// Returns what a type expects, in the words of its `Visitor`.
#[cold]
pub(super) fn expected_type<'de, T: Deserialize<'de>>() -> Option<String> {
    T::deserialize(MissingValue { option_is_none: false })
        .err()
        .map(|ExpectedType(expected)| expected)
}

/// A deserializer without a value. Like serde's derive for missing fields, it may deserialize an
/// option as `None`.
struct MissingValue {
    option_is_none: bool,
}

/// The error: what was expected.
#[derive(Debug)]
struct ExpectedType(String);

impl<'de> Deserializer<'de> for MissingValue {
    type Error = ExpectedType;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExpectedType> {
        Err(ExpectedType((&visitor as &dyn de::Expected).to_string()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExpectedType> {
        if self.option_is_none { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl Display for ExpectedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExpectedType {}

impl de::Error for ExpectedType {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}
