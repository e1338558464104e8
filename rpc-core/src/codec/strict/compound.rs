//! Arrays, maps and structs, whose elements are serialized strictly.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::key::Key;

/// The compound serializer of a codec.
pub(crate) struct Compound<C, const FINITE: bool>(pub(super) C);

/// An element of an array or map.
pub(super) struct Element<'a, T: ?Sized, const FINITE: bool>(pub(super) &'a T);

/// A field of a struct or the content of a variant. Errors contain the name.
pub(super) struct Named<'a, T: ?Sized, const FINITE: bool> {
    pub(super) name: &'static str,
    pub(super) value: &'a T,
}

macro_rules! elements {
    ($($trait:ident::$method:ident,)*) => {$(
        impl<C: $trait, const FINITE: bool> $trait for Compound<C, FINITE> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.0.$method(&Element::<_, FINITE>(value))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.0.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! fields {
    ($($trait:ident,)*) => {$(
        impl<C: $trait, const FINITE: bool> $trait for Compound<C, FINITE> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.0.serialize_field(name, &Named::<_, FINITE> { name, value })
            }

            #[inline]
            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.0.skip_field(name)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.0.end()
            }
        }
    )*};
}

fields! { SerializeStruct, SerializeStructVariant, }

impl<C: SerializeMap, const FINITE: bool> SerializeMap for Compound<C, FINITE> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.0.serialize_key(&Key(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_value(&Element::<_, FINITE>(value))
    }

    #[inline]
    fn serialize_entry<K: Serialize + ?Sized, T: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &T,
    ) -> Result<(), C::Error> {
        self.0.serialize_entry(&Key(key), &Element::<_, FINITE>(value))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}
