//! Runs the bodies of the fuzz targets on inputs that are generated from seeds.
//!
//! A failure prints its seed. `RPC_FUZZ_SEED` runs only that seed. `RPC_FUZZ_RUNS` sets the number of runs per target.
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/src/amqp.rs"]
#[allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]
mod bodies;
#[path = "../../fuzz/src/seeds.rs"]
#[allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]
mod seeds;

use self::seeds::Random;

/// Runs a body over generated inputs, and asserts that it accepts some and refuses some.
fn run(runs: u64, body: fn(&[u8]) -> bool, make: impl Fn(&mut Random) -> Vec<u8>) {
    let results = seeds::run(runs, body, make);
    let accepted = results.iter().filter(|accepted| **accepted).count();
    eprintln!("{accepted} of {} inputs were accepted", results.len());
    let few = results.len() / 50;
    assert!(results.len() < 100 || (few..results.len() - few).contains(&accepted), "{accepted}");
}

/// What messages consist of, once or twice escaped.
const JSON: [&[u8]; 26] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\\"",
    b"\\\\\"",
    b"\\",
    b",",
    b":",
    b" ",
    b"null",
    b"true",
    b"NaN",
    b"-Infinity",
    b"1",
    b"18446744073709551616",
    b"1e999",
    b"\\u00e9",
    b"\\ud83e\\udd80",
    b"\\\\ud800",
    b"\xc3\xa9",
    b"\xff",
    b"\n",
    b"\"method\": \"m\"",
    b"[[[[",
];

const REQUEST: &str = r#"{"method": "m\u00e9\n", "args": {"a": [-1.5e3, {}, "\ud83e\udd80"]}, "namespace": "n", "version": "1.2", "_msg_id": "a", "_reply_q": "b", "_timeout": 2.5, "_unique_id": "ab", "_context_request_id": "req-1", "_context_x": [null, 1], "_context_traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#;

const REPLIES: [&str; 4] = [
    r#"{"result": {"a": [1, "\u00e9"]}, "failure": null, "ending": true, "_msg_id": "77bb", "_unique_id": "ab"}"#,
    r#"{"result": null, "failure": "{\"class\": \"KeyError\", \"module\": \"builtins\", \"message\": \"'x'\", \"tb\": [\"File\\n\"], \"args\": [\"x\"], \"kwargs\": {}}", "ending": true, "_msg_id": "77bb"}"#,
    r#"{"result": 7, "failure": null, "ending": false, "_msg_id": "é"}"#,
    r#"{"result": null, "failure": {"class": "A", "message": 1}, "ending": true, "_msg_id": ""}"#,
];

fn enveloped(message: &str) -> Vec<u8> {
    serde_json::json!({"oslo.version": "2.0", "oslo.message": message}).to_string().into_bytes()
}

/// Returns a message of the dialect, in its envelope or without one, mostly with some changes.
fn message(random: &mut Random, messages: &[&str]) -> Vec<u8> {
    let message = random.pick(messages);
    match random.below(5) {
        0 => {
            let changed = random.rearrange(message.into(), &JSON);
            enveloped(&String::from_utf8_lossy(&changed))
        }
        1 => {
            let whole = enveloped(message);
            random.rearrange(whole, &JSON)
        }
        2 => random.rearrange(message.into(), &JSON),
        3 => random.damage(enveloped(message)),
        _ => random.soup(&JSON),
    }
}

#[test]
fn any_bytes_are_read_as_a_request_of_the_oslo_dialect_or_refused() {
    run(5_000, bodies::oslo_request, |random| message(random, &[REQUEST]));
}

#[test]
fn any_bytes_are_read_as_a_reply_of_the_oslo_dialect_or_refused() {
    run(5_000, bodies::oslo_reply, |random| message(random, &REPLIES));
}

#[test]
fn any_text_is_read_as_a_url_or_refused_without_telling_a_password() {
    let pieces: [&[u8]; 24] = [
        b"amqp://",
        b"amqps://",
        b"rabbit://",
        b"kombu+",
        b"@",
        b":",
        b"/",
        b"//",
        b"?",
        b"&",
        b"=",
        b"#",
        b",",
        b"%2F",
        b"%",
        b"%zz",
        b"[::1]",
        b"h:5672",
        b":99999",
        b"prefetch=1",
        b"ssl=true",
        b"\xc3\xa9",
        b"\xff",
        b" ",
    ];
    let urls = [
        "amqp://ada:hunter2@h:5672/v?prefetch=3&heartbeat=10",
        "amqps://ada:hunter2@h/%2F?ca_file=/a.pem",
        "rabbit://ada:hunter2@h:5672,bob:hunter2@[::1]:5671//?ssl=1&rpc_conn_pool_size=3",
        "rabbit://ada:hunter2@h/a%252Fb?amqp_durable_queues=true&heartbeat_rate=2",
    ];
    run(5_000, bodies::parse_url, |random| match random.below(4) {
        0 => random.soup(&pieces),
        1 => {
            let url = random.pick(&urls).into();
            random.damage(url)
        }
        _ => {
            let url = random.pick(&urls).into();
            random.rearrange(url, &pieces)
        }
    });
}

#[cfg(feature = "compression")]
mod compressed {
    use std::io::Write;

    use lzma_rust2::{XzOptions, XzWriter};

    use super::seeds::Random;
    use super::{bodies, run};

    fn compressed(format: u8, plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match format {
            0 => {
                let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
                writer.write_all(plain).unwrap();
                writer.finish().unwrap()
            }
            1 => {
                let level = bzip2::Compression::default();
                let mut writer = bzip2::write::BzEncoder::new(Vec::new(), level);
                writer.write_all(plain).unwrap();
                writer.finish().unwrap()
            }
            _ => {
                let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).unwrap();
                writer.write_all(plain).unwrap();
                writer.finish().unwrap()
            }
        }
    }

    /// Returns a compressed body, mostly with some changes, behind the byte that selects its format.
    fn body(random: &mut Random) -> Vec<u8> {
        let (format, size) = (random.below(3) as u8, random.below(4) as u8);
        let mut plain = random.bytes(300);
        let blanks = match random.below(100) {
            // More than any ratio allows.
            0 => 1_500_000,
            1..20 => 20_000,
            _ => 0,
        };
        plain.resize(plain.len() + blanks, b' ');
        let mut body = compressed(format, &plain);
        body = match random.below(4) {
            0 => body,
            1 => random.rearrange(body, &[b"\0", b"BZh9", b"\x1f\x8b\x08", b"\xfd7zXZ\0"]),
            2 => random.damage(body),
            _ => [body.clone(), body].concat(),
        };
        body.insert(0, size * 3 + format);
        body
    }

    #[test]
    fn any_bytes_are_decompressed_within_the_limits_or_refused() {
        run(300, bodies::decompress, body);
    }
}
