//! Values whose Rust type is not known.

mod de;
mod deserialize;
mod map;
mod ser;
#[cfg(test)]
mod tests;

pub use self::de::from_value;
pub use self::map::Map;
pub use self::ser::to_value;

/// Any value that a message can contain, for code that does not know the Rust type.
///
/// A [`Serializer`](crate::serializer::Serializer) works on values, and so does a method that takes
/// all remaining arguments with `#[rpc(rest)]`.
///
/// Every integer has one representation, so that equal numbers are equal values: [`Value::UInt`] is
/// used only above [`i64::MAX`], and `Value::from` ensures this. A float is never equal to an
/// integer, and NaN is not equal to itself.
///
/// ```
/// use rpc_core::{Map, Value, from_value, to_value};
///
/// let value = to_value(&("tea", 2))?;
/// assert_eq!(value, Value::from(vec![Value::from("tea"), Value::from(2)]));
/// let (item, count): (String, u32) = from_value(value).unwrap();
/// # assert_eq!((&*item, count), ("tea", 2));
/// # Ok::<(), rpc_core::EncodeError>(())
/// ```
///
/// # Encoding
///
/// MessagePack preserves every value. Its extension types are rejected, and a string that is not
/// valid UTF-8 is decoded as [`Value::Bytes`]. JSON has no bytes: they are encoded as an array of
/// numbers and are decoded as one, and so are bytes within a tagged, untagged or flattened type.
/// JSON has no NaN and no infinities: encoding them fails.
///
/// Map keys are strings. Other scalars (numbers, booleans, null) as keys become their JSON text, as
/// in oslo.messaging. Bytes, arrays and maps as keys are rejected, and so are duplicate keys.
///
/// # Memory
///
/// A value takes 32 bytes plus the size of its text, bytes or members. In the worst case, an array
/// of small numbers, a decoded value takes about 32 times the size of its encoding.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// Null: `None` or `()`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits in an `i64`.
    Int(i64),
    /// An integer above [`i64::MAX`].
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array of values.
    Array(Vec<Value>),
    /// A map from strings to values.
    Map(Map),
}

impl Value {
    /// Returns whether the value is [`Value::Null`].
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the boolean if the value is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the integer if the value is one that fits in an `i64`.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the integer if the value is one that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the number if the value is one. An integer is rounded to the nearest float.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            Self::UInt(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// Returns the string if the value is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the bytes if the value is bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the members if the value is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the map if the value is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// Returns a mutable reference to the map if the value is one.
    #[must_use]
    pub const fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value of `key` if this is a map that contains it.
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
