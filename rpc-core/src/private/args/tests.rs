use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::codec::{Codec, DecodeLimits, Payload};
use crate::endpoint::EncodedArgs;
use crate::message::{Failure, FailureKind};
use crate::value::{Map, Value};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];
const LIMITS: &DecodeLimits = &DecodeLimits::new();
const TRANSFER: &[&str] = &["from", "to", "cents"];

type Transfer = (String, String, u64);

/// Returns arguments as they arrive. They live as long as the test process.
fn args(codec: Codec, bytes: &[u8]) -> EncodedArgs<'static> {
    let payload = Box::leak(Box::new(Payload::new(codec, bytes.to_vec())));
    EncodedArgs { payload, limits: LIMITS }
}

fn decode<'a, T: ArgTuple<'a>>(
    codec: Codec,
    bytes: &'a [u8],
    names: &'static [&'static str],
) -> Result<T, Failure> {
    decode_args(args(codec, bytes), names)
}

/// Returns the failure of decoding the arguments as `T`.
fn refusal<T: for<'a> ArgTuple<'a>>(
    codec: Codec,
    bytes: &[u8],
    names: &'static [&'static str],
) -> (FailureKind, String) {
    match decode::<T>(codec, bytes, names) {
        Ok(_) => panic!("decoded"),
        Err(failure) => (failure.kind(), failure.message().to_owned()),
    }
}

fn invalid(message: &str) -> (FailureKind, String) {
    (FailureKind::InvalidArguments, message.to_owned())
}

fn map<V: Into<Value>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Map {
    entries.into_iter().collect()
}

#[test]
fn arguments_are_found_by_name_whatever_their_order() {
    #[derive(Serialize)]
    struct Sent<'a> {
        cents: u64,
        to: &'a str,
        from: &'a str,
    }
    for codec in CODECS {
        let bytes = codec.encode(&Sent { cents: 5, to: "bob", from: "ada" }).unwrap();
        let (from, to, cents): Transfer = decode(codec, &bytes, TRANSFER).unwrap();
        assert_eq!((from.as_str(), to.as_str(), cents), ("ada", "bob", 5));
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    for codec in CODECS {
        let bytes = encode_args(codec, TRANSFER, &("ada", &"bob".to_owned(), &7u64), 0).unwrap();
        let transfer: Transfer = decode(codec, &bytes, TRANSFER).unwrap();
        assert_eq!(transfer, ("ada".to_owned(), "bob".to_owned(), 7));
    }
}

#[test]
fn a_method_may_take_no_arguments_and_one_may_take_sixteen() {
    const NAMES: &[&str] =
        &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
    for codec in CODECS {
        let none = encode_args(codec, &[], &(), 0).unwrap();
        decode::<()>(codec, &none, &[]).unwrap();

        let all = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let bytes = encode_args(codec, NAMES, &all, 0).unwrap();
        let decoded = like(&all, decode_args(args(codec, &bytes), NAMES).unwrap());
        assert_eq!((decoded.0, decoded.7, decoded.15), (0, 7, 15));
    }
}

/// Asserts that both have the same type, which is long to write.
fn like<T>(_: &T, value: T) -> T {
    value
}

#[test]
fn an_absent_argument_is_not_sent() {
    for codec in CODECS {
        let values = (1, None::<u8>, Some(3));
        let bytes = encode_args(codec, &["a", "b", "c"], &values, 0b010).unwrap();
        let sent: Map = codec.decode(&bytes, LIMITS).unwrap();
        assert_eq!(sent, map([("a", 1), ("c", 3)]));
    }
}

#[test]
fn a_missing_option_is_none() {
    type Alias = Option<String>;
    for codec in CODECS {
        let bytes = encode_args(codec, &["a"], &(1,), 0).unwrap();
        let decoded: (u8, Alias, Option<Option<u8>>) =
            decode(codec, &bytes, &["a", "b", "c"]).unwrap();
        assert_eq!(decoded, (1, None, None));
    }
}

#[test]
fn an_option_may_also_be_sent_as_null() {
    for codec in CODECS {
        let bytes = encode_args(codec, &["a"], &(None::<u8>,), 0).unwrap();
        assert_eq!(decode::<(Option<u8>,)>(codec, &bytes, &["a"]).unwrap(), (None,));
    }
}

#[test]
fn all_missing_arguments_are_named_at_once() {
    for codec in CODECS {
        let bytes = encode_args(codec, &["to"], &("bob",), 0).unwrap();
        assert_eq!(
            refusal::<Transfer>(codec, &bytes, TRANSFER),
            invalid(
                "missing arguments `from` (a string), `cents` (u64); \
                 the method takes `from`, `to`, `cents`"
            )
        );
    }
}

#[test]
fn a_wrong_name_is_missing_and_unknown_in_one_message() {
    for codec in CODECS {
        let bytes = encode_args(codec, &["form", "to", "cents"], &("a", "b", 1), 0).unwrap();
        assert_eq!(
            refusal::<Transfer>(codec, &bytes, TRANSFER),
            invalid(
                "missing argument `from` (a string); unknown argument `form`; \
                 the method takes `from`, `to`, `cents`"
            )
        );
    }
}

#[test]
fn unknown_arguments_are_refused_even_by_a_method_without_arguments() {
    for codec in CODECS {
        let bytes = encode_args(codec, &["force", "now"], &(true, [1, 2]), 0).unwrap();
        assert_eq!(
            refusal::<()>(codec, &bytes, &[]),
            invalid("unknown arguments `force`, `now`; the method takes no arguments")
        );
    }
}

#[test]
fn of_many_or_long_or_unprintable_unknown_names_the_message_stays_short() {
    let long = "x".repeat(100_000);
    let names: Vec<String> = (0..1000).map(|n| format!("{n:04}\n{long}")).take(20).collect();
    for codec in CODECS {
        let sent: BTreeMap<_, _> = names.iter().map(|name| (name, 1)).collect();
        let (kind, message) = refusal::<()>(codec, &codec.encode(&sent).unwrap(), &[]);
        assert_eq!(kind, FailureKind::InvalidArguments);
        assert!(message.starts_with("unknown arguments `0000\\nxxx"), "{message}");
        assert!(message.contains(" and 12 more; "), "{message}");
        assert!(message.len() < 1000, "{} bytes", message.len());
    }
}

#[test]
fn an_argument_given_twice_is_refused() {
    let json = br#"{"from": "ada", "from": "eve", "to": "bob", "cents": 1}"#;
    let twice = invalid("argument `from` is given twice");
    assert_eq!(refusal::<Transfer>(Codec::Json, json, TRANSFER), twice);
    let msgpack = b"\x82\xa4from\xa3ada\xa4from\xa3eve";
    assert_eq!(refusal::<Transfer>(Codec::MessagePack, msgpack, TRANSFER), twice);
}

#[test]
fn a_value_of_another_type_names_its_argument() {
    for codec in CODECS {
        let bytes = encode_args(codec, TRANSFER, &("ada", "bob", "much"), 0).unwrap();
        let (kind, message) = refusal::<Transfer>(codec, &bytes, TRANSFER);
        assert_eq!(kind, FailureKind::InvalidArguments);
        assert!(message.starts_with("argument `cents` (u64): "), "{message}");
        assert!(message.contains("string"), "{message}");
    }
}

#[test]
fn what_was_expected_is_told_behind_options_and_for_users_types() {
    for codec in CODECS {
        let bytes = encode_args(codec, HOSTILE, &(1.5, None::<u8>, [1]), 0).unwrap();
        let (_, message) = refusal::<Hostile>(codec, &bytes, HOSTILE);
        assert!(message.starts_with("argument `a` (enum Kind): "), "{message}");
        let bytes = encode_args(codec, &HOSTILE[..2], &(Kind::Plain, "x"), 0).unwrap();
        let (_, message) = refusal::<Hostile>(codec, &bytes, HOSTILE);
        assert!(message.starts_with("argument `b` (a map): "), "{message}");
    }
}

#[test]
fn json_names_may_be_escaped() {
    let json = br#"{"\u0066rom": "\u0061da", "t\u006f": "bob", "cents": 1}"#;
    let (from, ..): Transfer = decode(Codec::Json, json, TRANSFER).unwrap();
    assert_eq!(from, "ada");
}

#[test]
fn messagepack_names_may_be_binary() {
    let (n,): (u8,) = decode(Codec::MessagePack, b"\x81\xc4\x01n\x05", &["n"]).unwrap();
    assert_eq!(n, 5);
}

#[test]
fn what_is_no_map_of_names_is_malformed() {
    let not_maps: [(Codec, &[u8]); 10] = [
        (Codec::Json, b""),
        (Codec::Json, b"null"),
        (Codec::Json, b"[1]"),
        (Codec::Json, b"{} {}"),
        (Codec::Json, br#"{"n": 1"#),
        (Codec::MessagePack, b""),
        (Codec::MessagePack, b"\xc0"),
        (Codec::MessagePack, b"\x91\x01"),
        (Codec::MessagePack, b"\x81\x01\x01"),
        (Codec::MessagePack, b"\x81\xa1\xff\x01"),
    ];
    for (codec, bytes) in not_maps {
        let (kind, message) = refusal::<(u8,)>(codec, bytes, &["n"]);
        assert_eq!(kind, FailureKind::Malformed, "{bytes:?}: {message}");
        assert!(message.starts_with("the arguments cannot be decoded: "), "{message}");
    }
}

#[test]
fn bytes_that_break_off_within_a_value_are_malformed_not_of_a_wrong_type() {
    let (kind, message) = refusal::<Transfer>(Codec::Json, br#"{"cents": 1, "to": "b"#, TRANSFER);
    assert_eq!(kind, FailureKind::Malformed, "{message}");
}

#[test]
fn the_limits_hold_and_say_so() {
    let limits = DecodeLimits::new().max_bytes(64).max_depth(2);
    let refused = |bytes: &[u8]| {
        let args = EncodedArgs { limits: &limits, ..args(Codec::Json, bytes) };
        let failure = decode_args::<(Option<Value>,)>(args, &["n"]).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Malformed);
        failure.message().to_owned()
    };
    assert!(refused(br#"{"n": [[1]]}"#).contains("deeper than the limit of 2 levels"));
    assert!(refused(&[b' '; 65]).contains("has 65 bytes, the limit is 64"));
}

#[test]
fn a_method_may_take_all_remaining_arguments() {
    for codec in CODECS {
        let sent = map([("id", Value::from(1)), ("b", "two".into()), ("a", 3.into())]);
        let bytes = codec.encode(&sent).unwrap();
        let ((id,), rest): ((u8,), Map) =
            decode_args_and_rest(args(codec, &bytes), &["id"]).unwrap();
        assert_eq!((id, rest), (1, map([("a", Value::from(3)), ("b", "two".into())])));
    }
}

#[test]
fn remaining_arguments_of_one_type_are_typed() {
    for codec in CODECS {
        let sent: HashMap<String, u8> = [("b".to_owned(), 2), ("a".to_owned(), 1)].into();
        let bytes = encode_args_and_rest(codec, &["id", "n"], &(9, None::<u8>), 0b10, &sent);
        let bytes = bytes.unwrap();
        let args = args(codec, &bytes);
        let ((id, n), rest): ((u8, Option<u8>), BTreeMap<String, u8>) =
            decode_args_and_rest(args, &["id", "n"]).unwrap();
        assert_eq!((id, n), (9, None));
        assert!(rest.into_iter().eq(sent.into_iter().collect::<BTreeMap<_, _>>()));

        let failure = decode_args_and_rest::<(u8,), HashMap<String, bool>>(args, &["id"]);
        let message = failure.unwrap_err().message().to_owned();
        assert!(message.starts_with("argument `"), "{message}");
        assert!(message.contains(" (a boolean): "), "{message}");
    }
}

#[test]
fn a_remaining_argument_given_twice_is_refused() {
    fn refused<R: Rest>() -> String {
        let args = args(Codec::Json, br#"{"id": 1, "a": 1, "b": 2, "a": 3}"#);
        match decode_args_and_rest::<(u8,), R>(args, &["id"]) {
            Ok(_) => panic!("decoded"),
            Err(failure) => failure.message().to_owned(),
        }
    }
    assert_eq!(refused::<Map>(), "argument `a` is given twice");
    assert_eq!(refused::<BTreeMap<String, u8>>(), "argument `a` is given twice");
    assert_eq!(refused::<HashMap<String, u8>>(), "argument `a` is given twice");
}

#[test]
fn a_missing_argument_beside_remaining_ones_is_named() {
    let args = args(Codec::Json, br#"{"ident": 1}"#);
    let failure = decode_args_and_rest::<(u8,), Map>(args, &["id"]).unwrap_err();
    assert_eq!(
        failure.message(),
        "missing argument `id` (u8); the method takes `id` and any others"
    );
}

#[test]
fn remaining_arguments_cannot_shadow_named_ones() {
    for codec in CODECS {
        let error = encode_args_and_rest(codec, &["id"], &(1,), 0, &map([("id", 2)])).unwrap_err();
        assert!(
            error.to_string().contains("`id`, which is the name of another argument"),
            "{error}"
        );
    }
}

#[test]
fn an_argument_that_cannot_be_written_is_an_error() {
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key(Vec<u8>);
    let keyed: BTreeMap<Key, u8> = [(Key(vec![1]), 1)].into();
    assert!(encode_args(Codec::Json, &["a"], &(&keyed,), 0).is_err());
}

#[test]
fn borrowed_text_is_not_copied() {
    let json = Payload::new(Codec::Json, r#"{"from": "ada"}"#);
    let args = EncodedArgs { payload: &json, limits: LIMITS };
    let (from,): (&str,) = decode_args(args, &["from"]).unwrap();
    assert_eq!(from.as_ptr(), json.bytes()[10..].as_ptr());
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
enum Kind {
    Plain,
    Named { name: String },
    Listed(Vec<i32>),
}

type Hostile = (Option<Kind>, Option<BTreeMap<String, f64>>, Option<Value>);
const HOSTILE: &[&str] = &["a", "b", "c"];

/// Decodes the bytes, which must not panic.
fn survive(codec: Codec, bytes: &[u8]) {
    let _ = decode::<Hostile>(codec, bytes, HOSTILE);
    let _ = decode::<()>(codec, bytes, &[]);
    let _ = decode_args_and_rest::<(Option<u8>,), Map>(args(codec, bytes), &["a"]);
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        any::<String>().prop_map(|name| Kind::Named { name }),
        any::<Vec<i32>>().prop_map(Kind::Listed),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
        CODECS.into_iter().for_each(|codec| survive(codec, &bytes));
    }

    #[test]
    fn no_damage_to_good_bytes_makes_decoding_panic(
        kind in kinds(), text: String, at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        for codec in CODECS {
            let mut bytes = encode_args(codec, HOSTILE, &(&kind, [(&text, 1.5)].into_iter().collect::<BTreeMap<_, _>>(), &text), 0).unwrap().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            survive(codec, &bytes);
            survive(codec, &bytes[..cut.index(bytes.len())]);
        }
    }

    #[test]
    fn any_arguments_arrive_as_they_were_sent(kind in kinds(), text: String, n: Option<i64>) {
        for codec in CODECS {
            let absent = u32::from(n.is_none()) << 1;
            let bytes = encode_args(codec, HOSTILE, &(&kind, &n, &text), absent).unwrap();
            let decoded: (Kind, Option<i64>, String) = decode(codec, &bytes, HOSTILE).unwrap();
            prop_assert_eq!(decoded, (kind.clone(), n, text.clone()));
        }
    }

    #[test]
    fn any_unknown_name_is_refused_and_any_remaining_one_kept(name: String) {
        prop_assume!(name != "n");
        for codec in CODECS {
            let bytes = codec.encode(&BTreeMap::from([(name.as_str(), 1), ("n", 2)])).unwrap();
            prop_assert!(refusal::<(u8,)>(codec, &bytes, &["n"]).1.starts_with("unknown argument "));
            let (_, rest): ((u8,), BTreeMap<String, u8>) =
                decode_args_and_rest(args(codec, &bytes), &["n"]).unwrap();
            prop_assert_eq!(rest.get(&name), Some(&1));
        }
    }
}
