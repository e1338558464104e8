//! Converts Rust types into values, and encodes values.

use serde::ser::{self, Serialize, Serializer};

use super::{Map, Value};
use crate::codec::EncodeError;
use crate::codec::strict::Strict;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::UInt(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Converts a Rust value into the [`Value`] that its encoding contains.
///
/// # Errors
///
/// Fails if the type's `Serialize` implementation fails, if a map has a duplicate key, or if the
/// value contains something that is refused; see [shape of values](crate::Codec#shape-of-values).
///
/// ```
/// use rpc_core::to_value;
///
/// assert_eq!(to_value(&Some("alice"))?, "alice".into());
/// # Ok::<(), rpc_core::EncodeError>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, EncodeError> {
    value.serialize(Strict::<_, false>::new(ValueSerializer))
}

/// Builds values. [`Strict`] serializes keys as text, and neither 128-bit integers nor unit structs.
#[derive(Copy, Clone)]
struct ValueSerializer;

macro_rules! scalars {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<Value, EncodeError> {
            Ok(value.into())
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = EncodeError;
    type SerializeSeq = ArraySerializer;
    type SerializeTuple = ArraySerializer;
    type SerializeTupleStruct = ArraySerializer;
    type SerializeTupleVariant = ArraySerializer;
    type SerializeMap = MapSerializer;
    type SerializeStruct = MapSerializer;
    type SerializeStructVariant = MapSerializer;

    scalars! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_str: &str,
    }

    fn serialize_char(self, value: char) -> Result<Value, EncodeError> {
        Ok(Value::String(value.into()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value, EncodeError> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, EncodeError> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, EncodeError> {
        Ok(variant_map(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(None, len))
    }

    fn serialize_tuple(self, len: usize) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(None, Some(len)))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(None, Some(len)))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(Some(variant), Some(len)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<MapSerializer, EncodeError> {
        Ok(MapSerializer::new(None, len))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<MapSerializer, EncodeError> {
        Ok(MapSerializer::new(None, Some(len)))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<MapSerializer, EncodeError> {
        Ok(MapSerializer::new(Some(variant), Some(len)))
    }
}

/// Serializes an array.
struct ArraySerializer {
    variant: Option<&'static str>,
    members: Vec<Value>,
}

impl ArraySerializer {
    fn new(variant: Option<&'static str>, len: Option<usize>) -> Self {
        Self { variant, members: Vec::with_capacity(len.unwrap_or(0)) }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.members.push(value.serialize(ValueSerializer)?);
        Ok(())
    }

    fn finish(self) -> Value {
        wrap_variant(self.variant, Value::Array(self.members))
    }
}

macro_rules! members {
    ($($trait:ident::$method:ident,)*) => {$(
        impl ser::$trait for ArraySerializer {
            type Ok = Value;
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.push(value)
            }

            fn end(self) -> Result<Value, EncodeError> {
                Ok(self.finish())
            }
        }
    )*};
}

members! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

/// Serializes a map.
struct MapSerializer {
    variant: Option<&'static str>,
    entries: Vec<(String, Value)>,
    key: Option<String>,
}

impl MapSerializer {
    fn new(variant: Option<&'static str>, len: Option<usize>) -> Self {
        Self { variant, entries: Vec::with_capacity(len.unwrap_or(0)), key: None }
    }

    fn push<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), EncodeError> {
        self.entries.push((key, value.serialize(ValueSerializer)?));
        Ok(())
    }

    fn finish(self) -> Result<Value, EncodeError> {
        let map = Map::from_entries(self.entries)
            .map_err(|key| EncodeError::new(format_args!("a map has the duplicate key {key:?}")))?;
        Ok(wrap_variant(self.variant, Value::Map(map)))
    }
}

impl ser::SerializeMap for MapSerializer {
    type Ok = Value;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key = Some(key_text(key.serialize(ValueSerializer)?).map_err(EncodeError::new)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let key =
            self.key.take().ok_or_else(|| EncodeError::new("a map has a value without a key"))?;
        self.push(key, value)
    }

    fn end(self) -> Result<Value, EncodeError> {
        self.finish()
    }
}

macro_rules! fields {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for MapSerializer {
            type Ok = Value;
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.push(key.to_owned(), value)
            }

            fn end(self) -> Result<Value, EncodeError> {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct, SerializeStructVariant, }

/// Wraps `value` if it is the content of an enum variant.
fn wrap_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => variant_map(variant, value),
        None => value,
    }
}

fn variant_map(variant: &'static str, value: Value) -> Value {
    Value::Map(Map::from_iter([(variant, value)]))
}

/// Returns the text of a scalar map key, as JSON would write it.
pub(super) fn key_text(key: Value) -> Result<String, &'static str> {
    match key {
        Value::String(key) => Ok(key),
        Value::Int(key) => Ok(key.to_string()),
        Value::UInt(key) => Ok(key.to_string()),
        Value::Bool(key) => Ok(key.to_string()),
        Value::Float(key) => Ok(format!("{key:?}")),
        Value::Null => Ok("null".to_owned()),
        Value::Bytes(_) => Err("bytes cannot be a key of a map: keys are strings"),
        Value::Array(_) => Err("an array cannot be a key of a map: keys are strings"),
        Value::Map(_) => Err("a map cannot be a key of a map: keys are strings"),
    }
}
