//! Untrusted bytes cannot do more than cause a typed error.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use rpc_core::{Codec, DecodeError, DecodeErrorKind, DecodeLimits, Value, from_value};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];

/// The stack size on which the default limits are guaranteed to work.
const SMALL_STACK: usize = 512 * 1024;

fn on_a_small_stack<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(test).unwrap().join().unwrap()
}

/// Returns `depth` nested arrays, the innermost of which is empty.
fn arrays(codec: Codec, depth: usize) -> Vec<u8> {
    match codec {
        Codec::Json => [vec![b'['; depth], vec![b']'; depth]].concat(),
        _ => [vec![0x91; depth - 1], vec![0x90]].concat(),
    }
}

/// Returns `depth` nested maps with the key "Node". The value of the innermost is null.
fn maps(codec: Codec, depth: usize) -> Vec<u8> {
    match codec {
        Codec::Json => [br#"{"Node":"#.repeat(depth), b"null".to_vec(), vec![b'}'; depth]].concat(),
        _ => [b"\x81\xa4Node".repeat(depth), vec![0xc0]].concat(),
    }
}

#[derive(Serialize, Deserialize)]
enum Tree {
    Node(Option<Box<Tree>>),
    Branches(Vec<Tree>),
    Named { children: BTreeMap<String, Tree> },
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Guess {
    Many(Vec<Guess>),
    Nothing(()),
}

#[derive(Serialize, Deserialize)]
struct Link {
    #[serde(rename = "Node")]
    next: Option<Box<Link>>,
}

fn decode<T: DeserializeOwned>(codec: Codec, bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    codec.decode(bytes, &DecodeLimits::new().max_depth(max))
}

/// Returns whether the error is that for a message that is nested too deep.
fn too_deep<T>(result: Result<T, DecodeError>, limit: usize) -> bool {
    result.is_err_and(|error| *error.kind() == DecodeErrorKind::TooDeep { limit })
}

fn reads_to_the_limit_and_no_further<T: DeserializeOwned>(
    make: fn(Codec, usize) -> Vec<u8>,
    max: usize,
) {
    for codec in CODECS {
        let deepest = decode::<T>(codec, &make(codec, max), max);
        assert!(deepest.is_ok(), "{codec:?}: {:?}", deepest.err());
        assert!(too_deep(decode::<T>(codec, &make(codec, max + 1), max), max), "{codec:?}");
        assert!(too_deep(decode::<T>(codec, &make(codec, 100_000), max), max), "{codec:?}");
    }
}

#[test]
fn the_default_depth_is_read_on_a_small_stack_and_one_level_more_is_too_deep() {
    on_a_small_stack(|| {
        let max = DecodeLimits::new().max_depth;
        reads_to_the_limit_and_no_further::<Value>(arrays, max);
        reads_to_the_limit_and_no_further::<Value>(maps, max);
        reads_to_the_limit_and_no_further::<IgnoredAny>(arrays, max);
        reads_to_the_limit_and_no_further::<Tree>(maps, max);
        reads_to_the_limit_and_no_further::<Link>(maps, max);
    });
}

#[test]
fn a_recursive_type_that_buffers_reads_the_default_depth_on_a_small_stack() {
    on_a_small_stack(|| {
        let max = DecodeLimits::new().max_depth;
        reads_to_the_limit_and_no_further::<Guess>(arrays, max);
    });
}

#[test]
fn a_value_of_the_deepest_nesting_is_read_printed_copied_written_and_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        for codec in CODECS {
            for bytes in
                [arrays(codec, DecodeLimits::MAX_DEPTH), maps(codec, DecodeLimits::MAX_DEPTH)]
            {
                let value: Value = decode(codec, &bytes, usize::MAX).unwrap();
                assert!(format!("{value:?}").len() > DecodeLimits::MAX_DEPTH);
                assert_eq!(value.clone(), value);
                assert_eq!(codec.encode(&value).unwrap(), bytes);
                assert_eq!(from_value::<Value>(value.clone()).unwrap(), value);
            }
            let deeper = arrays(codec, DecodeLimits::MAX_DEPTH + 1);
            assert!(too_deep(decode::<Value>(codec, &deeper, usize::MAX), DecodeLimits::MAX_DEPTH));
        }
    });
}

#[test]
fn a_variant_with_fields_and_one_with_members_are_read_on_a_small_stack() {
    on_a_small_stack(|| {
        for codec in CODECS {
            // Each level of the type is two of the message, or three.
            let tree = (0..10).fold(Tree::Node(None), |tree, _| {
                let children = BTreeMap::from([("child".to_owned(), Tree::Branches(vec![tree]))]);
                Tree::Named { children }
            });
            let bytes = codec.encode(&tree).unwrap();
            let back: Tree = decode(codec, &bytes, 64).unwrap();
            assert_eq!(codec.encode(&back).unwrap(), bytes);
        }
    });
}

#[test]
fn brackets_in_strings_are_no_nesting() {
    let text = r#"[{["\"[[{{"#.repeat(100);
    let bytes = Codec::Json.encode(&[&text]).unwrap();
    assert_eq!(decode::<[String; 1]>(Codec::Json, &bytes, 1).unwrap(), [text]);
}

#[test]
fn flat_messages_of_many_small_parts_are_not_deep() {
    for codec in CODECS {
        let bytes = codec.encode(&vec![[1u8; 2]; 1000]).unwrap();
        assert_eq!(decode::<Vec<[u8; 2]>>(codec, &bytes, 2).unwrap().len(), 1000);
        assert!(too_deep(decode::<Value>(codec, &bytes, 1), 1));
    }
}

#[test]
fn a_message_longer_than_the_limit_is_refused_unread() {
    for codec in CODECS {
        let error =
            codec.decode::<Value>(&[0xc1; 9], &DecodeLimits::new().max_bytes(8)).unwrap_err();
        assert_eq!(error.kind(), &DecodeErrorKind::TooLarge { bytes: 9, limit: 8 });
        assert_eq!(error.to_string(), "cannot decode: the message has 9 bytes, the limit is 8");
    }
}

#[test]
fn a_length_that_is_only_declared_is_malformed() {
    let declared: [&[u8]; 16] = [
        &[0xa2, b'a'],
        &[0xd9, 2, b'a'],
        &[0xda, 0xff, 0xff],
        &[0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0xc4, 1],
        &[0xc5, 0, 1],
        &[0xc6, 0xff, 0xff, 0xff, 0xff, 0],
        &[0xc7, 1, 0],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 0],
        &[0xd8, 1, 2],
        &[0x92, 1],
        &[0xdc, 0, 2, 1],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 1],
        &[0xde, 0xff, 0xff, 1, 1],
        &[0xdf, 0x80, 0, 0, 0, 1, 1],
    ];
    for bytes in declared {
        let error = decode::<Value>(Codec::MessagePack, bytes, 64).unwrap_err();
        let malformed = matches!(error.kind(), DecodeErrorKind::Malformed { offset: Some(at), .. }
            if *at <= bytes.len());
        assert!(malformed, "{bytes:x?}: {error}");
    }
}

#[test]
fn declared_lengths_that_add_up_to_more_than_the_message_are_malformed() {
    // Each array alone could be there: 40 of them, one in the other, each with as many members as
    // bytes follow.
    let mut bytes = Vec::new();
    for left in (0..40u16).rev() {
        bytes.extend([0xdc]);
        bytes.extend((left * 3).to_be_bytes());
    }
    let error = decode::<Value>(Codec::MessagePack, &bytes, 64).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::Malformed { .. }), "{error}");
}

#[test]
fn what_follows_the_value_is_malformed() {
    let error = decode::<u8>(Codec::MessagePack, &[1, 2], 64).unwrap_err();
    assert_eq!(error.to_string(), "cannot decode: trailing bytes at byte 1");
    let error = decode::<u8>(Codec::Json, b"1 2", 64).unwrap_err();
    let expected =
        DecodeErrorKind::Malformed { offset: Some(2), reason: "trailing characters".into() };
    assert_eq!(error.kind(), &expected);
}

#[test]
fn nothing_at_all_is_malformed() {
    for codec in CODECS {
        let error = decode::<Value>(codec, b"", 64).unwrap_err();
        assert!(matches!(error.kind(), DecodeErrorKind::Malformed { offset: Some(0), .. }));
    }
}

#[test]
fn malformed_json_is_told_apart_from_another_type_and_names_the_byte() {
    let error = decode::<Value>(Codec::Json, b"{\n\"a\": nil}", 64).unwrap_err();
    let malformed = matches!(error.kind(), DecodeErrorKind::Malformed { offset: Some(8), .. });
    assert!(malformed, "{error:?}");
    let error = decode::<u8>(Codec::Json, b"\"a\"", 64).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::Mismatch { .. }), "{error:?}");
}

#[test]
fn the_reserved_marker_is_malformed() {
    let error = decode::<Value>(Codec::MessagePack, &[0x91, 0xc1], 64).unwrap_err();
    assert_eq!(error.to_string(), "cannot decode: reserved marker 0xc1 at byte 1");
}

#[test]
fn errors_are_small_and_can_be_sent() {
    fn sent<T: std::error::Error + Send + Sync + 'static>() {}
    sent::<DecodeError>();
    sent::<rpc_core::EncodeError>();
    assert!(size_of::<DecodeError>() <= size_of::<usize>());
    assert!(size_of::<rpc_core::EncodeError>() <= 2 * size_of::<usize>());
}
