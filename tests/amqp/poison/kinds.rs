//! What is hostile about a message.

use rpc_tests::support::raw_publisher::{header, long_string, nested_arrays};
use rpc_tests::support::seeded_rng::SeededRng;
use serde_json::{Value, json};

use crate::draft::{
    CALL, CAST, Draft, Text, enveloped, native, oslo_members, packed_map, packed_text,
};

/// The largest body that the servers and clients take.
pub const MAX_MESSAGE: usize = 200_000;

/// The result of Python's `bz2.compress(b" " * (16 << 20))`.
const BZIP2_BOMB: &[u8] = b"BZh91AY&SY%\xe4\x1f\xdd\x00\x80\x80\x90\x00\xc0\x00\x00\x08 \x000\x80)\x1a\x01\x00\xd2\x01\x00\xe2\xeeH\xa7\x0a\x12\x04\xbc\x83\xfb\xa0";

/// How deep headers are nested. RabbitMQ 4.3 encodes the headers of each delivery anew, which takes the square of the depth: 12,000
/// levels hold the connection of the receiver up for seconds, whoever that is.
const LEVELS: [usize; 3] = [2, 200, 3000];

/// A queue to which nobody publishes copies, as it does not exist.
const MISSING_QUEUE: &[u8] = b"no queue";

/// Does something hostile to a message.
pub type Kind = (&'static str, fn(&mut SeededRng, &mut Draft));

/// For any queue: it concerns properties, or replaces the body by something that nobody can read.
pub const ANY: &[Kind] = &[
    ("nested arrays", |rng, draft| {
        let levels = rng.pick(&LEVELS) + rng.below(50);
        draft.headers = header(b"x", &nested_arrays(levels));
    }),
    ("nested tables", |rng, draft| {
        let levels = rng.pick(&LEVELS) + rng.below(50);
        draft.headers = header(b"x", &nested_tables(levels));
    }),
    ("a large header", |rng, draft| {
        let length = rng.pick(&[40_000, 65_535, 65_536, 130_000]) + rng.below(300);
        draft.headers = header(b"x", &long_string(&vec![b'a'; length]));
    }),
    ("many headers", |rng, draft| {
        let names = 0..1 + rng.below(5000);
        draft.headers =
            names.flat_map(|name| header(format!("{name}").as_bytes(), b"t\x01")).collect();
    }),
    ("a text that is not UTF-8", |rng, draft| {
        let text = rng.pick(&Text::ANY_BYTES);
        let mut bytes = draft.texts.get(&text).cloned().unwrap_or_default();
        bytes.truncate(200);
        bytes.insert(rng.below(bytes.len() + 1), 0xff);
        draft.set(text, bytes);
    }),
    ("a text as long as can be", |rng, draft| draft.set(rng.pick(&Text::ANY_BYTES), [b'x'; 255])),
    ("a header's name that is not UTF-8", |_, draft| {
        draft.headers = header(b"compress\xffion", &long_string(b"gzip"));
    }),
    ("a header's value that is not UTF-8", |rng, draft| {
        let name = rng.pick(&[&b"x"[..], b"compression"]);
        draft.headers = header(name, &long_string(b"gz\xffip"));
    }),
    ("a header of another type", |rng, draft| {
        let value =
            rng.pick(&[&b"V"[..], b"t\x01", b"T\0\0\0\0\0\0\0\0", b"A\0\0\0\0", b"F\0\0\0\0"]);
        draft.headers = header(b"compression", value);
    }),
    ("an expiration at its limits", |rng, draft| {
        let expiration = rng.pick(&["0", "1", "4294967295", "0000000000100000"]);
        draft.may_expire = expiration.len() == 1;
        draft.set(Text::Expiration, expiration);
    }),
    ("numbers at their limits", |rng, draft| {
        draft.priority = Some(rng.pick(&[0, 9, 255]));
        draft.timestamp = Some(rng.pick(&[0, 1 << 63, u64::MAX]));
        draft.delivery_mode = Some(rng.pick(&[1, 2]));
    }),
    // The broker may refuse them.
    ("flags that are not defined", |rng, draft| draft.undefined_flags = rng.pick(&[1, 2, 3])),
    ("an empty body", |_, draft| draft.body.clear()),
    ("a body that is cut short", |rng, draft| draft.body.truncate(rng.below(draft.body.len()))),
    ("random bytes", |rng, draft| draft.body = random_bytes(rng)),
    ("a native prefix and random bytes", |rng, draft| {
        draft.body = [&[0xC1, 1, CALL, 0], &*random_bytes(rng)].concat();
    }),
    ("a flipped byte", |rng, draft| {
        let at = rng.below(draft.body.len());
        // The first byte of a flipped pair would still be the same.
        draft.body[at] ^= 1 + rng.below(255) as u8;
    }),
    ("broken JSON", |rng, draft| draft.body = rng.pick(BROKEN_JSON).into()),
    ("broken JSON in an envelope", |rng, draft| draft.body = enveloped(rng.pick(BROKEN_JSON))),
    ("JSON of many levels", |rng, draft| {
        let levels = 1 + rng.below(90_000);
        let nested = "[".repeat(levels) + if rng.percent(50) { "]" } else { "" };
        draft.body = enveloped(&format!(r#"{{"method": "echo", "args": {nested}"#));
    }),
    ("a bzip2 bomb", |rng, draft| {
        let name = rng.pick(&[&b"application/x-bz2"[..], b"bzip2", b"gzip", b"xz", b"lzma"]);
        draft.headers = header(b"compression", &long_string(name));
        draft.body = BZIP2_BOMB.to_vec();
    }),
    ("a compression that is not there", |rng, draft| {
        let name = rng.pick(&[&b"application/x-gzip"[..], b"bzip2", b"xz", b"zstd", b"rot13", b""]);
        draft.headers = header(b"compression", &long_string(name));
    }),
    ("a body that is too large", |rng, draft| {
        draft.body.resize(MAX_MESSAGE + 1 + rng.below(400_000), b' ');
    }),
];

/// For servers' queues: it is about the request.
pub const OF_REQUESTS: &[Kind] = &[
    ("an unknown version", |rng, draft| {
        draft.body = native(CALL, u128::from(rng.seed()), &[], &[]);
        draft.body[1] = rng.pick(&[0, 2, 255]);
    }),
    ("an unknown kind", |rng, draft| {
        draft.body = native(rng.pick(&[0, 3, 4, 5, 6, 7, 8, 99]), u128::from(rng.seed()), &[], &[]);
    }),
    ("a header that is longer than the message", |rng, draft| {
        draft.body = native(CALL, u128::from(rng.seed()), &[0x80; 4], &[]);
        draft.body[20] = rng.pick(&[1, 0x7f, 0xff]);
    }),
    ("a header of random bytes", |rng, draft| {
        let header = random_bytes(rng);
        draft.body = native(rng.pick(&[CALL, CAST]), u128::from(rng.seed()), &header, &[7]);
    }),
    ("a header of many levels", |rng, draft| {
        let nested = vec![0x91; 1 + rng.below(90_000)];
        let header = packed_map(&[("m", &packed_text(b"echo")), ("c", &nested)]);
        draft.body = native(CAST, u128::from(rng.seed()), &header, &[7]);
    }),
    ("a long word", |rng, draft| {
        let long = vec![b'w'; 1 + rng.below(150_000)];
        let field = rng.pick(&["m", "n", "codec", "traceparent"]);
        let header = packed_map(&[("m", &packed_text(b"echo")), (field, &packed_text(&long))]);
        draft.body = native(rng.pick(&[CALL, CAST]), u128::from(rng.seed()), &header, &[0x80]);
    }),
    ("a long member", |rng, draft| {
        let long = "w\n".repeat(1 + rng.below(40_000));
        let name =
            rng.pick(&["method", "namespace", "version", "_msg_id", "_reply_q", "_unique_id"]);
        change_members(rng, draft, |members| members[name] = long.into());
    }),
    ("a member of another type", |rng, draft| {
        let name = rng.pick(&[
            "method",
            "args",
            "namespace",
            "version",
            "_msg_id",
            "_reply_q",
            "_timeout",
        ]);
        let value = rng.pick(&["null", "7", "[]", "{}", "true", "\"\"", "1e308"]);
        change_members(rng, draft, |members| members[name] = serde_json::from_str(value).unwrap());
    }),
    ("a reserved reply queue", |rng, draft| {
        let queue = reserved_queue(rng);
        draft.body = native(
            CALL,
            u128::from(rng.seed()),
            &packed_map(&[("m", &packed_text(b"echo"))]),
            &[0x80],
        );
        draft.set(Text::ReplyTo, queue);
        draft.set(Text::CorrelationId, "1");
    }),
    ("a reserved reply queue in the body", |rng, draft| {
        let queue = reserved_queue(rng);
        change_members(rng, draft, |members| {
            members["_msg_id"] = "1".into();
            members["_reply_q"] = queue.into();
        });
    }),
    ("a reply queue that is not there", |rng, draft| {
        draft.body = native(
            CALL,
            u128::from(rng.seed()),
            &packed_map(&[("m", &packed_text(b"none"))]),
            &[0x80],
        );
        draft.set(Text::ReplyTo, format!("nobody {}", rng.below(3)));
        draft.set(Text::CorrelationId, [0xc3, 0xa4]);
    }),
    ("another user's id", |_, draft| draft.set(Text::UserId, "alice")),
    ("further queues", |rng, draft| {
        let name = rng.pick(&[&b"CC"[..], b"BCC"]);
        let keys =
            [long_string(MISSING_QUEUE), long_string(b"copies"), long_string(b"\xff")].concat();
        let length = u32::try_from(keys.len()).unwrap().to_be_bytes();
        draft.headers = header(name, &[b"A", &length[..], &keys].concat());
        draft.copies = 1;
    }),
    ("a call monitor period that is absurd", |rng, draft| {
        let numbers = [&b"\x01"[..], b"\0", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"];
        let header = packed_map(&[("m", &packed_text(b"echo")), ("w", rng.pick(&numbers))]);
        draft.body =
            native(CALL, u128::from(rng.seed()), &header, &packed_map(&[("number", &[7])]));
    }),
    ("a timeout that is absurd", |rng, draft| {
        let timeout = rng.pick(&["0.001", "-1", "1e308", "99999999999999999999", "\"7\""]);
        change_members(rng, draft, |members| {
            members["_timeout"] = serde_json::from_str(timeout).unwrap();
        });
    }),
];

const BROKEN_JSON: &[&str] = &[
    "",
    "{",
    "}",
    "[]",
    "null",
    "7",
    "\"",
    "{}",
    "{\"method\": \"echo\"",
    "{\"method\": \"echo\",}",
    "{\"method\" \"echo\"}",
    "{'method': 'echo'}",
    "{\"method\": \"\\ud800\"}",
    "{\"method\": \"\\x\"}",
    "{\"method\": \"e\u{1}\"}",
    "{\"method\": \"echo\", \"args\": NaN}",
    "{\"method\": \"echo\", \"args\": {\"number\": 1e999}}",
    "{\"method\": \"echo\", \"args\": {\"number\": -}}",
    "{\"method\": \"echo\", \"args\": {\"number\": 0x7}}",
    "{\"method\": \"echo\", \"args\": {\"number\": 123456789012345678901234567890}}",
    "{\"method\": \"echo\"} {\"method\": \"echo\"}",
    "{\"oslo.version\": \"3.0\", \"oslo.message\": \"{}\"}",
    "{\"oslo.version\": \"2.0\"}",
    "{\"oslo.version\": 2.0, \"oslo.message\": 7}",
    "{\"oslo.version\": \"2.0\", \"oslo.message\": {\"method\": \"echo\"}}",
    "\u{feff}{\"method\": \"echo\"}",
];

/// Replaces the body by a request of oslo.messaging with other members.
fn change_members(rng: &mut SeededRng, draft: &mut Draft, change: impl FnOnce(&mut Value)) {
    let mut members = oslo_members(rng, rng.clone().percent(50).then_some("sink"));
    change(&mut members);
    draft.body = if rng.percent(50) {
        enveloped(&members.to_string())
    } else {
        json!(members).to_string().into()
    };
}

/// Returns a name that the broker gives a meaning of its own.
pub fn reserved_queue(rng: &mut SeededRng) -> String {
    let token = match rng.below(4) {
        0 => "g2dkABByZWxCQGxvY2FsaG9zdAAAAAAAAAAA.x==".to_owned(),
        1 => "%%%.%%%".to_owned(),
        2 => String::new(),
        // The process of a node that is gone.
        _ => {
            let node = b"rabbit@gone";
            let name = [&[119, node.len() as u8], &node[..]].concat();
            let pid = [&[131, 88], &*name, &[0, 0, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4]].concat();
            format!("{}.{}", base64(&pid), base64(&[7; 16]))
        }
    };
    format!("amq.rabbitmq.reply-to.{token}")
}

/// Returns the value of a header that is a table within a table, and so on: seven bytes for each level.
fn nested_tables(levels: usize) -> Vec<u8> {
    let level = |level: usize| {
        let inner = u32::try_from((levels - level) * 7).unwrap().to_be_bytes();
        let name: &[u8] = if level == levels { b"" } else { b"\x01n" };
        [b"F", &inner[..], name].concat()
    };
    (1..=levels).flat_map(level).collect()
}

fn random_bytes(rng: &mut SeededRng) -> Vec<u8> {
    (0..rng.below(300)).map(|_| rng.below(256) as u8).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits =
            (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        let letter = |at: usize| {
            if at > group.len() {
                '='
            } else {
                char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize])
            }
        };
        (0..4).map(letter).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}
