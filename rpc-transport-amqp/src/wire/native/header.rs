//! Headers: MessagePack maps with short keys, so that fields can be added and left out. A header without fields is empty.
//!
//! Readers ignore what they do not know: keys that are not listed here, and keys that are not text. A field that is known
//! and has another type makes the message undecodable.
//!
//! Reserved, and not written yet: `attempt` (how often a request was sent before), and `credit`, `seq` and `server` of
//! calls with several replies.

use std::fmt;
use std::marker::PhantomData;

use rpc_core::{Codec, DecodeLimits, Value, Version};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares the fields of a header, each of which may be missing, from one table of keys: the struct, how it is written
/// (in the order of the table) and how it is read (in any order; of fields with one key the last one counts).
macro_rules! header {
    ($(#[$docs:meta])* $header:ident { $($(#[$field_docs:meta])* $key:literal $field:ident: $type:ty,)+ }) => {
        $(#[$docs])*
        #[derive(Debug, Default)]
        pub(super) struct $header<'a> {
            $($(#[$field_docs])* pub(super) $field: Option<$type>,)+
        }

        impl Serialize for $header<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let fields = [$(self.$field.is_some()),+].into_iter().filter(|is_some| *is_some);
                let mut map = serializer.serialize_map(Some(fields.count()))?;
                $(if let Some(value) = &self.$field {
                    map.serialize_entry($key, value)?;
                })+
                map.end()
            }
        }

        impl<'a> Header<'a> for $header<'a> {
            fn read<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
                match key {
                    $($key => self.$field = Some(map.next_value()?),)+
                    _ => return Ok(false),
                }
                Ok(true)
            }

            fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&+
            }
        }
    };
}

header! {
    /// All of a request but its id and its arguments. Every call pays for its keys, so most of them are single letters.
    RequestHeader {
        "m" method: &'a str,
        "n" namespace: &'a str,
        "v" version: VersionNumbers,
        /// A map.
        "c" context: Value,
        "t" traceparent: &'a str,
        "s" tracestate: &'a str,
        /// The call monitor period in milliseconds.
        "w" monitor: u64,
        /// The codec of the arguments; MessagePack where it is missing.
        "codec" codec: &'a str,
    }
}

header! {
    ResultHeader {
        /// The codec of the result; MessagePack where it is missing.
        "codec" codec: &'a str,
    }
}

header! {
    /// All of a failure but its details, which are the payload.
    FailureHeader {
        "kind" kind: &'a str,
        /// A word of `Ran`. Where it is missing the kind decides.
        "ran" ran: &'a str,
        "class" class: &'a str,
        "module" module: &'a str,
        "text" message: &'a str,
        "versions" supported_versions: Vec<VersionNumbers>,
        "causes" causes: Vec<&'a str>,
        /// The codec of the details; MessagePack where it is missing.
        "codec" codec: &'a str,
    }
}

/// The fields of one kind of message.
pub(super) trait Header<'a>: Default + Serialize {
    /// Reads the field with this key. Returns false, and reads nothing, if there is no such field.
    fn read<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Returns whether all fields are missing.
    fn is_empty(&self) -> bool;
}

/// Encodes a header.
///
/// # Errors
///
/// Fails if a value in it cannot be encoded, with the reason.
pub(super) fn encode<'a>(header: &impl Header<'a>) -> Result<Vec<u8>, String> {
    if header.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = Codec::MessagePack.encode(header).map_err(|error| error.to_string())?;
    Ok(bytes.into())
}

/// Decodes a header.
///
/// # Errors
///
/// Fails if it is not a map, or if a known field has another type, with the reason.
pub(super) fn decode<'a, H: Header<'a>>(
    bytes: &'a [u8],
    limits: &DecodeLimits,
) -> Result<H, String> {
    if bytes.is_empty() {
        return Ok(H::default());
    }
    let fields: Fields<H> = Codec::MessagePack
        .decode(bytes, limits)
        .map_err(|error| format!("the header of the message: {error}"))?;
    Ok(fields.0)
}

/// A header that is being read.
struct Fields<H>(H);

impl<'de, H: Header<'de>> Deserialize<'de> for Fields<H> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(PhantomData)).map(Self)
    }
}

struct FieldsVisitor<H>(PhantomData<H>);

impl<'de, H: Header<'de>> Visitor<'de> for FieldsVisitor<H> {
    type Value = H;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<H, A::Error> {
        let mut header = H::default();
        while let Some(Key(key)) = map.next_key()? {
            let known = match key {
                Some(key) => header
                    .read(key, &mut map)
                    .map_err(|error| A::Error::custom(format_args!("`{key}`: {error}")))?,
                None => false,
            };
            if !known {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(header)
    }
}

/// The key of a field; `None` if it is not text. It may be of any type that MessagePack has.
struct Key<'a>(Option<&'a str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Some(key)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }

    fn visit_unit<E>(self) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Key<'de>, D::Error> {
        IgnoredAny::deserialize(inner).map(|_| Key(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Key<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Key(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Key<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Key(None))
    }
}

/// A version as it is encoded.
pub(super) type VersionNumbers = (u32, u32, u32);

pub(super) fn version_numbers(version: Version) -> VersionNumbers {
    (version.major, version.minor, version.revision)
}

pub(super) fn version((major, minor, revision): VersionNumbers) -> Version {
    Version::new(major, minor).with_revision(revision)
}

/// Returns the word for a codec; `None` for MessagePack, which a message does not name.
pub(super) fn codec_word(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::MessagePack => None,
        Codec::Json => Some(codec.name()),
    }
}

/// Returns the codec for its word.
///
/// # Errors
///
/// Fails if this version does not know the codec, with the reason.
pub(super) fn codec(word: Option<&str>) -> Result<Codec, String> {
    let Some(word) = word else { return Ok(Codec::MessagePack) };
    [Codec::MessagePack, Codec::Json]
        .into_iter()
        .find(|codec| codec.name() == word)
        .ok_or_else(|| format!("unsupported codec {word:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of every type of MessagePack, nested ones among them, all as they are encoded.
    const ANY: [&[u8]; 23] = [
        b"\x07",
        b"\xff",
        b"\xc0",
        b"\xc2",
        b"\xc4\x02\xff\x00",
        b"\xc7\x03\x05abc",
        b"\xca\x7f\xc0\x00\x00",
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xcc\xff",
        b"\xcd\xff\xff",
        b"\xce\xff\xff\xff\xff",
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd0\x80",
        b"\xd1\x80\x00",
        b"\xd2\x80\x00\x00\x00",
        b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\xd4\x01a",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\xd8\x01aaaaaaaaaaaaaaaa",
        b"\xa1z",
        b"\xd9\x02zz",
        b"\x92\x01\x92\xa1m\x90",
        b"\x82\xa1m\x81\xc0\x80\x01\x91\xd4\x01a",
    ];

    fn request(bytes: &[u8]) -> Result<RequestHeader<'_>, String> {
        decode(bytes, &DecodeLimits::new())
    }

    #[test]
    fn unknown_fields_are_ignored_whatever_their_keys_and_values_are() {
        for key in ANY {
            for value in ANY {
                // The method before and behind a field that newer versions write.
                for method_first in [true, false] {
                    let (method, unknown) = (b"\xa1m\xa1x".to_vec(), [key, value].concat());
                    let fields = if method_first { [method, unknown] } else { [unknown, method] };
                    let header = [vec![0x82], fields.concat()].concat();
                    let header = request(&header)
                        .unwrap_or_else(|error| panic!("{key:x?} {value:x?}: {error}"));
                    assert_eq!(header.method, Some("x"));
                    assert_eq!((header.namespace, header.version), (None, None), "{key:x?}");
                }
            }
        }
    }

    #[test]
    fn a_known_field_of_another_type_is_named() {
        for value in ANY.into_iter().filter(|value| !matches!(value[0], 0xa1 | 0xd9)) {
            let header = [b"\x81\xa1m", value].concat();
            let error = request(&header).unwrap_err();
            assert!(
                error.starts_with("the header of the message: ") && error.contains("`m`"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_header_without_fields_is_empty() {
        assert_eq!(encode(&RequestHeader::default()).unwrap(), b"");
        assert_eq!(request(b"").unwrap().method, None);
        assert_eq!(request(b"\x80").unwrap().method, None);
    }

    #[test]
    fn what_is_not_a_map_is_not_a_header() {
        for bytes in ANY.into_iter().filter(|bytes| bytes[0] >> 4 != 8) {
            assert!(request(bytes).is_err(), "{bytes:x?}");
        }
        assert!(request(b"\x80\x80").is_err(), "two maps");
        assert!(request(b"\x81\xa1m").is_err(), "cut short");
    }

    #[test]
    fn each_codec_is_found_by_its_word() {
        for known in [Codec::MessagePack, Codec::Json] {
            assert_eq!(codec(codec_word(known)), Ok(known));
            assert_eq!(codec(Some(known.name())), Ok(known));
        }
        assert_eq!(codec(Some("cbor")), Err("unsupported codec \"cbor\"".to_owned()));
    }
}
