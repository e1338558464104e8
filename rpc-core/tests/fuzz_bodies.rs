//! Runs the bodies of the fuzz targets on inputs that are generated from seeds.
//!
//! A failure prints its seed. `RPC_FUZZ_SEED` runs only that seed. `RPC_FUZZ_RUNS` sets the number
//! of runs per target (default: 3000).
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]
mod bodies;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rpc_core::Codec;

/// The SplitMix64 generator. A seed must generate the same inputs forever, which no library
/// guarantees.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    fn pick<'a>(&mut self, of: &[&'a [u8]]) -> &'a [u8] {
        of[self.below(of.len() as u64) as usize]
    }

    /// Returns pieces in random order, with some random bytes.
    fn soup(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut soup = Vec::new();
        for _ in 0..self.below(40) {
            match self.below(8) {
                0 => soup.push(self.byte()),
                _ => soup.extend(self.pick(pieces)),
            }
        }
        soup
    }

    /// Returns well-formed bytes with up to two changed bytes, sometimes truncated.
    fn damaged(&mut self, codec: Codec) -> Vec<u8> {
        let mut bytes = codec.encode(&bodies::value_from_bytes(&self.bytes(300))).unwrap().to_vec();
        for _ in 0..self.below(3) {
            let at = self.below(bytes.len() as u64) as usize;
            bytes[at] = self.byte();
        }
        if self.below(4) == 0 {
            bytes.truncate(self.below(bytes.len() as u64 + 1) as usize);
        }
        bytes
    }

    fn input(&mut self, codec: Codec, pieces: &[&[u8]]) -> Vec<u8> {
        match self.below(3) {
            0 => self.bytes(60),
            1 => self.soup(pieces),
            _ => self.damaged(codec),
        }
    }
}

fn run(body: fn(&[u8]), make: impl Fn(&mut Random) -> Vec<u8>) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("RPC_FUZZ_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RPC_FUZZ_RUNS").unwrap_or(3000),
    };
    for seed in seeds {
        let input = make(&mut Random(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(&input))) {
            eprintln!("failed with RPC_FUZZ_SEED={seed}, input {input:x?}");
            resume_unwind(panic);
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
    run(bodies::decode_msgpack, |random| random.input(Codec::MessagePack, &pieces));
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
    run(bodies::decode_json, |random| random.input(Codec::Json, &pieces));
}

#[test]
fn any_value_comes_back() {
    run(bodies::value_round_trip, |random| random.bytes(400));
}
