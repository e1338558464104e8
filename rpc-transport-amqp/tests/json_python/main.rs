//! Compares how messages of the oslo dialect are read with Python's `json`, on generated texts. Each difference that is
//! intended is in the table [`DIFFERENCES`].
//!
//! A failure prints its seed. `RPC_FUZZ_SEED` runs only that seed. `RPC_FUZZ_RUNS` sets the number of texts. The test needs
//! Python 3: `cargo test -- --skip json_is_read_as_python_reads_it` leaves it out.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/src/seeds.rs"]
#[allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]
mod seeds;
mod texts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use rpc_core::Value;
use rpc_transport_amqp::__private::read_json_object;

const TEXTS: u64 = 6_000;

/// How many levels the scanner splits: that of a message, and all that the texts have.
const LEVELS: [usize; 2] = [1, 100];

/// How a text with something in it is read here, where Python reads it otherwise.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum Reading {
    /// Python accepts it, and it is refused here.
    Refused,
    /// Python accepts it, and it may be another value here.
    OtherValue,
    /// Python refuses it, and it may be accepted here.
    Accepted,
}

/// All intended differences: what is in the text, how it is read, and why.
const DIFFERENCES: [(&str, Reading, &str); 8] = [
    (
        "constant",
        Reading::Refused,
        "`NaN` and the infinities are not JSON (RFC 8259), and no other codec has them",
    ),
    (
        "too_large",
        Reading::Refused,
        "an integer beyond 64 bits would become a float of another value",
    ),
    (
        "overflow",
        Reading::Refused,
        "a number beyond `f64` would become an infinity, which no codec writes",
    ),
    ("surrogate", Reading::Refused, "Rust's strings are Unicode, which has no lone surrogates"),
    (
        "deep",
        Reading::Refused,
        "the depth is limited, so that no message exhausts the stack of a task",
    ),
    (
        "duplicate",
        Reading::Refused,
        "a `Value` has no duplicate keys: two readers could take different ones",
    ),
    ("minus_zero", Reading::OtherValue, "`-0` is the float -0.0, which equals Python's integer 0"),
    (
        "control",
        Reading::Accepted,
        "the scanner looks for no control characters: of a message it reads only names and short texts",
    ),
];

/// These are found by the codec, not by the scanner.
const BY_CODEC: [&str; 2] = ["deep", "duplicate"];

#[test]
fn json_is_read_as_python_reads_it_but_for_the_differences_in_the_table() {
    let texts: Vec<_> = seeds::seeds(TEXTS)
        .map(|seed| (seed, texts::text(&mut seeds::Random::new(seed))))
        .collect();
    let python = python(texts.iter().map(|(_, text)| text.as_str()));
    assert_eq!(python.len(), texts.len(), "Python reads every text");
    let (mut seen, mut alike) = (BTreeSet::new(), 0);
    for ((seed, text), python) in texts.iter().zip(&python) {
        for levels in LEVELS {
            let rust = read_json_object(text, levels);
            match compare(text, levels, &rust, python) {
                Ok(None) => alike += usize::from(rust.is_ok()),
                Ok(Some(difference)) => drop(seen.insert(difference)),
                Err(why) => panic!(
                    "RPC_FUZZ_SEED={seed}: {why}\n  text {text:?}\n  Rust, {levels} levels of the scanner: {rust:?}\n  Python: {python}"
                ),
            }
        }
    }
    if texts.len() as u64 >= TEXTS {
        let all: BTreeSet<_> = DIFFERENCES.iter().map(|(what, ..)| *what).collect();
        assert_eq!(seen, all, "each difference in the table was seen");
        assert!(alike > texts.len() / 4, "only {alike} readings with a value were alike");
    }
}

/// Returns the intended difference, if the readings differ.
fn compare(
    text: &str,
    levels: usize,
    rust: &Result<Value, String>,
    python: &str,
) -> Result<Option<&'static str>, String> {
    let difference = |reading, flags: &[&str]| {
        let of =
            |(what, it, _): &&(&'static str, Reading, &str)| *it == reading && flags.contains(what);
        DIFFERENCES.iter().find(of).map(|(what, ..)| *what)
    };
    let Some((flags, value)) = python.split_once(' ') else {
        if rust.is_err() {
            return Ok(None);
        }
        let control = text.contains(|character| character < ' ');
        let flags: &[&str] = if python == "error" && control { &["control"] } else { &[] };
        return difference(Reading::Accepted, flags).map(Some).ok_or("it is accepted".to_owned());
    };
    let flags = flags.split(',').filter(|flag| levels == 1 || !BY_CODEC.contains(flag));
    let flags: Vec<_> = flags.collect();
    let refused = difference(Reading::Refused, &flags);
    match (rust, refused) {
        (Err(_), Some(difference)) => Ok(Some(difference)),
        (Err(_), None) => Err("it is refused".to_owned()),
        (Ok(_), Some(difference)) => Err(format!("it is accepted in spite of `{difference}`")),
        (Ok(rust), None) if shown(rust) == value => Ok(None),
        (Ok(_), None) => difference(Reading::OtherValue, &flags)
            .map(Some)
            .ok_or("it is another value".to_owned()),
    }
}

/// Writes a value as `reference.py` does.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "n".to_owned(),
        Value::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
        Value::Int(number) => format!("i{number}"),
        Value::UInt(number) => format!("i{number}"),
        Value::Float(number) => format!("d{:016x}", number.to_bits()),
        Value::String(text) => shown_text(text),
        Value::Array(elements) => {
            let elements: String = elements.iter().map(|element| shown(element) + ",").collect();
            format!("[{elements}]")
        }
        Value::Map(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(name, member)| (shown_text(name), shown(member))).collect();
            members.sort();
            let members: String =
                members.iter().map(|(name, member)| format!("{name}:{member},")).collect();
            format!("{{{members}}}")
        }
        other => panic!("JSON has no {other:?}"),
    }
}

fn shown_text(text: &str) -> String {
    format!("s{}", hex(text))
}

fn hex(text: &str) -> String {
    let mut digits = String::new();
    for byte in text.bytes() {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

/// Returns how Python reads each text.
fn python<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/json_python/reference.py");
    let mut python = Command::new("python3")
        .args(["-I", "-B", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`python3` runs: the tests need Python 3, see CONTRIBUTING.md");
    let lines: String = texts.map(|text| hex(text) + "\n").collect();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "`{script}` failed: {}", output.status);
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}
