//! Runs the body of the fuzz target `amqp_frames` on inputs that are generated from seeds.
//!
//! A failure prints its seed. `RPC_FUZZ_SEED` runs only that seed. `RPC_FUZZ_RUNS` sets the number of runs (default: 500).
#![allow(clippy::unwrap_used)]

#[allow(missing_docs, unreachable_pub)]
mod body;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use body::frame;
use fastrand::Rng;

fn short(rng: &mut Rng, most: usize) -> Vec<u8> {
    let text: Vec<u8> = (0..rng.usize(..=most)).map(|_| rng.u8(..)).collect();
    [&[text.len() as u8][..], &text].concat()
}

/// Generates properties and headers, most of them well-formed.
fn properties(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..4) == 0 {
        return vec![0, 0];
    }
    let flags = rng.u16(..) & if rng.u8(..8) == 0 { 0xffff } else { 0xfff8 };
    let mut out = flags.to_be_bytes().to_vec();
    for bit in (3..16).rev().filter(|bit| flags & 1 << bit != 0) {
        match bit {
            13 => {
                let mut table = Vec::new();
                for _ in 0..rng.usize(..4) {
                    table.extend(if rng.bool() { b"\x02CC".to_vec() } else { short(rng, 5) });
                    match rng.u8(..5) {
                        0 => table.extend([b't', 1]),
                        1 => table.extend(b"A\0\0\0\x05A\0\0\0\0"),
                        2 => table.extend(b"F\0\0\0\x03\x01xV"),
                        3 => table.extend(b"S\0\0\0\x02a\xff"),
                        _ => table.extend(b"l\0\0\0\0\0\0\0\x09"),
                    }
                }
                out.extend((table.len() as u32).to_be_bytes());
                out.extend(table);
            }
            12 | 11 => out.push(rng.u8(..)),
            6 => out.extend(rng.u64(..).to_be_bytes()),
            _ => out.extend(short(rng, 6)),
        }
    }
    out
}

fn content(rng: &mut Rng, channel: u8, body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u64).to_be_bytes();
    let mut out = frame(2, channel, &[&[0, 60, 0, 0], &size[..], &properties(rng)].concat());
    for piece in body.chunks(rng.usize(1..40)) {
        out.extend(frame(3, channel, piece));
    }
    out
}

/// Generates what a broker could send on a channel.
fn step(rng: &mut Rng, channel: u8) -> Vec<u8> {
    let number = rng.u64(..5).to_be_bytes();
    let method = |class, method, arguments: &[u8]| {
        frame(1, channel, &[&[0, class, 0, method], arguments].concat())
    };
    match rng.u8(..16) {
        0..=4 => {
            let names = [&b"\x01t"[..], &number, b"\0", &short(rng, 9), &short(rng, 9)].concat();
            let body = vec![7; rng.usize(..120)];
            [method(60, 60, &names), content(rng, channel, &body)].concat()
        }
        5 | 6 => {
            let returned = method(60, 50, b"\x01\x38\x08NO_ROUTE\0\x01q");
            let header = frame(2, channel, &[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
            [returned, header, frame(3, channel, b"x")].concat()
        }
        7..=9 => method(60, 80, &[&number[..], &[rng.u8(..2)]].concat()),
        10 => method(60, 120, &[&number[..], &[rng.u8(..4)]].concat()),
        11 => method(60, 30, b"\x01t\x01"),
        12 => method(20, 20, &[rng.u8(..2)]),
        13 => frame(1, 0, b"\0\x0a\0\x3c\x03low"),
        14 => frame(8, 0, b""),
        _ if rng.u8(..4) > 0 => method(60, 11, &[]),
        _ => match rng.u8(..3) {
            0 => method(20, 40, b"\x01\x94\x02no\0\0\0\0"),
            1 => method(20, 41, &[]),
            _ => frame(1, 0, b"\0\x0a\0\x32\x01\x40\x02no\0\0\0\0"),
        },
    }
}

fn input(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![rng.u8(..)];
    for _ in 0..rng.usize(..20) {
        let channel = rng.u8(1..3);
        bytes.extend(step(rng, channel));
    }
    for _ in 0..[0, 0, 1, 3][rng.usize(..4)] {
        let at = rng.usize(..bytes.len());
        match rng.u8(..4) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, rng.u8(..)),
            2 => bytes[at] ^= 1 << rng.u8(..8),
            _ => bytes[at] = rng.u8(..),
        }
    }
    bytes
}

#[test]
fn any_bytes_of_a_broker_end_the_connection_in_an_orderly_way() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (first, runs) = match number("RPC_FUZZ_SEED") {
        Some(seed) => (seed, 1),
        None => (fastrand::u64(..u64::MAX / 2), number("RPC_FUZZ_RUNS").unwrap_or(500)),
    };
    for seed in first..first + runs {
        let input = input(&mut Rng::with_seed(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body::amqp_frames(&input))) {
            eprintln!("failed with RPC_FUZZ_SEED={seed}, input {input:x?}");
            resume_unwind(panic);
        }
    }
}
