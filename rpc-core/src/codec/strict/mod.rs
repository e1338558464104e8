//! The rules that every value follows before a codec writes it.

mod compound;
mod key;

use std::fmt::Display;

use serde::ser::{Error, Serialize, Serializer};

use self::compound::{Compound, Element, Named};

/// A serializer that refuses what a receiver could not read as it was sent, and that writes the
/// same shape in every codec.
///
/// - A `Some` whose content is null is refused, because it could not be told from `None`.
/// - A unit struct is null.
/// - A 128-bit integer is an ordinary integer if it fits in 64 bits, and is refused otherwise.
/// - With `FINITE`, NaN and infinities are refused: the codec has no such numbers.
/// - Keys of maps are text; see [`key`].
///
/// It wraps the serializer of a codec and everything that is serialized within. It keeps no state
/// besides, so it compiles to the calls of the inner serializer.
pub(crate) struct Strict<S, const FINITE: bool> {
    inner: S,
    /// Whether the value is the content of a `Some`. A field instead of a second type, which would
    /// compile everything in an `Option` a second time.
    inside_some: bool,
}

impl<S, const FINITE: bool> Strict<S, FINITE> {
    #[inline]
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner, inside_some: false }
    }
}

/// The error of a `Some` whose content is null.
#[cold]
fn some_is_null<E: Error>(shown: impl Display) -> E {
    E::custom(format_args!(
        "`Some({shown})` cannot be told from `None`, because both are null: use a `bool` or an enum"
    ))
}

#[cold]
fn not_finite<E: Error>(number: impl Display) -> E {
    E::custom(format_args!("{number} is not a number in JSON: send a finite number or `None`"))
}

#[cold]
fn too_wide<E: Error>(integer: impl Display) -> E {
    E::custom(format_args!("the integer {integer} does not fit in 64 bits: send it as text"))
}

macro_rules! forward {
    ($($method:ident: $type:ty,)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<S: Serializer, const FINITE: bool> Serializer for Strict<S, FINITE> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<S::SerializeSeq, FINITE>;
    type SerializeTuple = Compound<S::SerializeTuple, FINITE>;
    type SerializeTupleStruct = Compound<S::SerializeTupleStruct, FINITE>;
    type SerializeTupleVariant = Compound<S::SerializeTupleVariant, FINITE>;
    type SerializeMap = Compound<S::SerializeMap, FINITE>;
    type SerializeStruct = Compound<S::SerializeStruct, FINITE>;
    type SerializeStructVariant = Compound<S::SerializeStructVariant, FINITE>;

    forward! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
    }

    #[inline]
    fn serialize_i128(self, value: i128) -> Result<S::Ok, S::Error> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.inner.serialize_i64(value),
            (_, Ok(value)) => self.inner.serialize_u64(value),
            _ => Err(too_wide(value)),
        }
    }

    #[inline]
    fn serialize_u128(self, value: u128) -> Result<S::Ok, S::Error> {
        match u64::try_from(value) {
            Ok(value) => self.inner.serialize_u64(value),
            Err(_) => Err(too_wide(value)),
        }
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if FINITE && !value.is_finite() {
            return Err(not_finite(value));
        }
        self.inner.serialize_f32(value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if FINITE && !value.is_finite() {
            return Err(not_finite(value));
        }
        self.inner.serialize_f64(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        if self.inside_some {
            return Err(some_is_null("None"));
        }
        self.inner.serialize_none()
    }

    // Both codecs write the content alone.
    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(Self { inner: self.inner, inside_some: true })
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        if self.inside_some {
            return Err(some_is_null("()"));
        }
        self.inner.serialize_unit()
    }

    // `rmp-serde` would write an empty array.
    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        if self.inside_some {
            return Err(some_is_null(name));
        }
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Named::<_, FINITE> { name: variant, value };
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.inner.serialize_seq(len).map(Compound)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.inner.serialize_tuple(len).map(Compound)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.inner.serialize_tuple_struct(name, len).map(Compound)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.inner.serialize_tuple_variant(name, index, variant, len).map(Compound)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.inner.serialize_map(len).map(Compound)
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.inner.serialize_struct(name, len).map(Compound)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.inner.serialize_struct_variant(name, index, variant, len).map(Compound)
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<T: Serialize + ?Sized, const FINITE: bool> Serialize for Element<'_, T, FINITE> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Strict::<S, FINITE>::new(serializer))
    }
}

impl<T: Serialize + ?Sized, const FINITE: bool> Serialize for Named<'_, T, FINITE> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, value } = self;
        value
            .serialize(Strict::<S, FINITE>::new(serializer))
            .map_err(|error| within("", name, error))
    }
}

/// Adds to an error where it happened: `kind` and `name` of the value that was serialized.
#[cold]
pub(crate) fn within<E: Error>(kind: &str, name: &str, error: E) -> E {
    E::custom(format_args!("{kind}`{name}`: {error}"))
}
