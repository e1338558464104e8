//! Compares the codec with `amq-protocol`, an independent one, on values that are generated from seeds.
//!
//! A failure prints its seed. `RPC_AMQP_SEED` runs only that seed, `RPC_AMQP_RUNS` sets how many seeds each test runs.

mod client_methods;
mod content;
mod golden;
mod mutated;
mod server_methods;
mod tables;

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame, parsing::parse_frame};
use amq_protocol::types::{
    AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable as TheirTable, ShortString,
};

/// Runs a test over seeds, and prints the seed of a failure.
fn seeded(runs: u64, test: impl Fn(&mut fastrand::Rng)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with RPC_AMQP_SEED={}", self.0);
            }
        }
    }
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (first, runs) = match number("RPC_AMQP_SEED") {
        Some(seed) => (seed, 1),
        None => (fastrand::u64(..u64::MAX / 2), number("RPC_AMQP_RUNS").unwrap_or(runs)),
    };
    for seed in first..first + runs {
        let seed = Seed(seed);
        test(&mut fastrand::Rng::with_seed(seed.0));
    }
}

/// Returns the bytes of a frame as `amq-protocol` writes it.
fn their_bytes(frame: &AMQPFrame) -> Vec<u8> {
    gen_frame(frame)(WriteContext::from(Vec::new())).unwrap().into_inner().0
}

/// Returns the frames of these bytes as `amq-protocol` reads them.
fn their_frames(mut bytes: &[u8]) -> Vec<AMQPFrame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (rest, frame) = parse_frame(bytes).unwrap();
        frames.push(frame);
        bytes = rest;
    }
    frames
}

/// Generates text of at most `most` bytes, and of exactly so many now and then.
fn text(rng: &mut fastrand::Rng, most: usize) -> String {
    let full = rng.u8(..16) == 0;
    let length = if full { most } else { rng.usize(..=most.min(40)) };
    let mut text = String::new();
    loop {
        let next = if rng.bool() { rng.alphanumeric() } else { rng.char(..) };
        if text.len() + next.len_utf8() > length {
            break;
        }
        text.push(next);
    }
    if full {
        text.extend(std::iter::repeat_n('x', most - text.len()));
    }
    text
}

fn short(rng: &mut fastrand::Rng) -> String {
    text(rng, 255)
}

fn bytes(rng: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(..=most)).map(|_| rng.u8(..)).collect()
}

/// Generates a table with fields of all types, and with tables and arrays down to `levels`.
fn their_table(rng: &mut fastrand::Rng, levels: usize) -> TheirTable {
    let mut table = TheirTable::default();
    for _ in 0..rng.usize(..8) {
        let name = ShortString::from(short(rng));
        table.insert(name, their_value(rng, levels));
    }
    table
}

fn their_value(rng: &mut fastrand::Rng, levels: usize) -> AMQPValue {
    match rng.u8(..if levels == 0 { 15 } else { 17 }) {
        0 => AMQPValue::Boolean(rng.bool()),
        1 => AMQPValue::ShortShortInt(rng.i8(..)),
        2 => AMQPValue::ShortShortUInt(rng.u8(..)),
        3 => AMQPValue::ShortInt(rng.i16(..)),
        4 => AMQPValue::ShortUInt(rng.u16(..)),
        5 => AMQPValue::LongInt(rng.i32(..)),
        6 => AMQPValue::LongUInt(rng.u32(..)),
        7 => AMQPValue::LongLongInt(rng.i64(..)),
        8 => AMQPValue::Float(rng.f32()),
        9 => AMQPValue::Double(rng.f64()),
        10 => AMQPValue::DecimalValue(DecimalValue { scale: rng.u8(..), value: rng.u32(..) }),
        11 => AMQPValue::LongString(bytes(rng, 600).into()),
        12 => AMQPValue::Timestamp(rng.u64(..)),
        13 => AMQPValue::ByteArray(ByteArray::from(bytes(rng, 300))),
        14 => AMQPValue::Void,
        15 => AMQPValue::FieldTable(their_table(rng, levels - 1)),
        _ => {
            let values = (0..rng.usize(..5)).map(|_| their_value(rng, levels - 1));
            AMQPValue::FieldArray(FieldArray::from(values.collect::<Vec<_>>()))
        }
    }
}
