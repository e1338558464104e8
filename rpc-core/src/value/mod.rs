//! A value of which no Rust type is known.

mod de;
mod map;
mod ser;
#[cfg(test)]
mod tests;

pub use self::de::from_value;
pub use self::map::Map;
pub use self::ser::to_value;

pub(crate) use self::{de::from_value_for, ser::to_value_for};

/// Whatever a message can hold, for code that does not know the types: a serializer hook, or a
/// method that takes all remaining arguments.
///
/// Integers have one form each, so that equal numbers are equal values: [`Value::UInt`] is only
/// for those above [`i64::MAX`]; `Value::from` sees to that. A float is never equal to an
/// integer, and NaN not to itself.
///
/// # Forms
///
/// MessagePack keeps every value as it is, except that extension types are refused. A string that
/// is not UTF-8 is read as [`Value::Bytes`]. JSON has no bytes: they are written as an array
/// of numbers and stay one when read back. It has no NaN and no infinities either: null.
///
/// Keys of maps are strings. Where bytes or a Rust type have other scalars for keys (numbers,
/// booleans, null) their JSON text is taken, as oslo.messaging does; a key that is bytes, an
/// array or a map is refused, and so is the same key twice.
///
/// # Memory
///
/// A value takes 32 bytes and what its text, bytes or members take. One decoded from bytes
/// can take some 32 times the room of these bytes, in the worst case of an array of small numbers.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// Nothing: `None`, `()`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer that fits in 64 bits with a sign.
    Int(i64),
    /// An integer above [`i64::MAX`].
    UInt(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    Array(Vec<Value>),
    /// Values by name.
    Map(Map),
}

impl Value {
    /// Whether this is [`Value::Null`].
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if this is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if this is one and it fits.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if this is one and it is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if this is one; an integer is rounded to the nearest float.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            Self::UInt(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if these are bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// The members of an array, if this is one.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(value) => Some(value),
            _ => None,
        }
    }

    /// The map, if this is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The map, if this is one, to be changed.
    #[must_use]
    pub const fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The value of this name, if this is a map that has it.
    ///
    /// ```
    /// use rpc_core::{Map, Value};
    ///
    /// let order = Value::from(Map::from_iter([("cents", Value::from(5))]));
    /// assert_eq!(order.get("cents").and_then(Value::as_i64), Some(5));
    /// assert_eq!(order.get("account"), None);
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }
}

macro_rules! from {
    ($($type:ty => $make:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                $make(value)
            }
        }
    )*};
}

from! {
    () => |()| Value::Null;
    bool => Value::Bool;
    i8 => |value| Value::Int(i64::from(value));
    i16 => |value| Value::Int(i64::from(value));
    i32 => |value| Value::Int(i64::from(value));
    i64 => Value::Int;
    u8 => |value| Value::Int(i64::from(value));
    u16 => |value| Value::Int(i64::from(value));
    u32 => |value| Value::Int(i64::from(value));
    u64 => |value| i64::try_from(value).map_or(Value::UInt(value), Value::Int);
    f32 => |value| Value::Float(f64::from(value));
    f64 => Value::Float;
    &str => |value: &str| Value::String(value.to_owned());
    String => Value::String;
    Vec<u8> => Value::Bytes;
    Vec<Value> => Value::Array;
    Map => Value::Map;
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}
