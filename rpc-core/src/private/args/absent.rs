//! What an argument is that was left out, and what a type says it expects.

use std::fmt::{self, Display};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// `None` for an `Option`, whatever it is called; for all other types what they expect.
pub(super) fn absent<'de, T: Deserialize<'de>>() -> Result<T, String> {
    T::deserialize(Nothing { option_is_none: true }).map_err(|NoValue(expected)| expected)
}

/// What a value of the type has to be, in the words of its own visitor.
#[cold]
pub(super) fn expectation<'de, T: Deserialize<'de>>() -> Option<String> {
    T::deserialize(Nothing { option_is_none: false }).err().map(|NoValue(expected)| expected)
}

/// Has no value for any type; but one for options, if so, as serde's own derive has for fields
/// that are left out.
struct Nothing {
    option_is_none: bool,
}

/// Holds what was expected instead.
#[derive(Debug)]
struct NoValue(String);

impl<'de> Deserializer<'de> for Nothing {
    type Error = NoValue;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoValue> {
        Err(NoValue((&visitor as &dyn de::Expected).to_string()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoValue> {
        if self.option_is_none { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoValue {}

impl de::Error for NoValue {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}
