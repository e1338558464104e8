//! Runs the bodies of the fuzz targets on inputs that are generated from seeds.
//!
//! A failure prints its seed. `RPC_FUZZ_SEED` runs only that seed. `RPC_FUZZ_RUNS` sets the number
//! of runs per target (default: 3000).
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/src/codecs.rs"]
#[allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]
mod bodies;
#[path = "../../fuzz/src/seeds.rs"]
#[allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]
mod seeds;

use rpc_core::Codec;

use self::seeds::{Random, run};

const RUNS: u64 = 3000;

fn input(random: &mut Random, codec: Codec, pieces: &[&[u8]]) -> Vec<u8> {
    match random.below(3) {
        0 => random.bytes(60),
        1 => random.soup(pieces),
        _ => {
            let value = bodies::value_from_bytes(&random.bytes(300));
            random.damage(codec.encode(&value).unwrap().to_vec())
        }
    }
}

#[test]
fn any_bytes_are_read_as_messagepack_or_refused() {
    let pieces: [&[u8]; 24] = [
        b"\x80",
        b"\x81",
        b"\x82",
        b"\x90",
        b"\x91",
        b"\x92",
        b"\xc0",
        b"\xc3",
        b"\x01",
        b"\xff",
        b"\xa1a",
        b"\xa4List",
        b"\xa5Boxed",
        b"\xa8Untagged",
        b"\xa7Dynamic",
        b"\xdc\x00\x02",
        b"\xdd",
        b"\xde\x00\x01",
        b"\xcb",
        b"\xcd\x01\x02",
        b"\xd9\x02ab",
        b"\xc4\x02ab",
        b"\xd4\x01\x02",
        b"\xc7\x01",
    ];
    run(RUNS, bodies::decode_msgpack, |random| input(random, Codec::MessagePack, &pieces));
}

#[test]
fn any_bytes_are_read_as_json_or_refused() {
    let pieces: [&[u8]; 22] = [
        b"[",
        b"]",
        b"{",
        b"}",
        b"[[[",
        b"]]]",
        b"\"a\":",
        b"\"a\"",
        b"1",
        b"-1.5e300",
        b",",
        b" ",
        b"\n",
        b"null",
        b"true",
        b"{\"List\":[",
        b"{\"Boxed\":",
        b"{\"Dynamic\":",
        b"{\"Untagged\":",
        b"\"\\u00e4",
        b"\\\"",
        b"\"Unit\"",
    ];
    run(RUNS, bodies::decode_json, |random| input(random, Codec::Json, &pieces));
}

#[test]
fn any_value_comes_back() {
    run(RUNS, bodies::value_round_trip, |random| random.bytes(400));
}
