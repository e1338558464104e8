//! JSON texts, valid and damaged, with whatever Python writes or accepts.

use super::seeds::Random;

const BLANKS: [&str; 6] = ["", "", "", " ", "\n\t", "\r\n "];
const NAMES: [&str; 8] = ["a", "b", "", "method", "é", "\\u00e9", "\\u0061", "🦀"];
const STRINGS: [&str; 18] = [
    "",
    "plain",
    "é🦀",
    "\\\"",
    "\\\\",
    "\\/\\b\\f\\n\\r\\t",
    "\\u0000",
    "\\u00e9",
    "\\ud83e\\udd80",
    "\\uD83E\\uDD80",
    "\\ud800",
    "\\udc00\\ud800",
    "\\ud800\\u0041",
    "\\ud83e\\ud83e\\udd80",
    "]}",
    "[{\\\"",
    "NaN",
    "\u{7f}\u{2028}",
];
const NUMBERS: [&str; 30] = [
    "0",
    "-0",
    "7",
    "-1",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1180591620717411303424",
    "0.1",
    "-0.0",
    "1e5",
    "1E+5",
    "1.5e-3",
    "1e308",
    "1e309",
    "-1e999",
    "1e-400",
    "4.9e-324",
    "2.2250738585072011e-308",
    "0.1000000000000000055511151231257827021181583404541015625",
    "123456789012345678901.5",
    "1e22",
    "8.5e22",
    "NaN",
    "Infinity",
    "-Infinity",
];
/// What is inserted somewhere.
const PIECES: [&str; 40] = [
    "{", "}", "[", "]", "\"", "\\", ",", ":", " ", "\n", "\u{b}", "\u{a0}", "\u{feff}", "\0",
    "\u{1f}", "\\u", "\\x", "\\u+123", "\\u12", "é", "0", "-", "+", ".", "e", "1", "01", "1.",
    ".5", "nul", "null", "True", "nan", "-NaN", "//", "'", "{}", "[]", "\"a\": 1", "\\ud800",
];

/// Returns a text: an object mostly, often damaged.
pub(super) fn text(random: &mut Random) -> String {
    match random.below(50) {
        0 => return deep(random),
        1 => return format!("\u{feff}{}", object(random, 3)),
        2 => return value(random, 3),
        _ => {}
    }
    let text = format!("{}{}{}", blank(random), object(random, 4), blank(random));
    match random.below(5) {
        0 | 1 => text,
        _ => damaged(random, text),
    }
}

/// Returns a text that is nested about as deep as is allowed by default, or deeper.
fn deep(random: &mut Random) -> String {
    let levels = [60, 63, 64, 65, 66, 90][random.below(6) as usize];
    let (open, close) = [("[", "]"), ("{\"a\":", "}")][random.below(2) as usize];
    format!("{{\"a\": {}1{}}}", open.repeat(levels), close.repeat(levels))
}

fn damaged(random: &mut Random, text: String) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(2) {
        let at = random.below(characters.len() as u64 + 1) as usize;
        let end = characters.len().min(at + random.below(4) as usize);
        let new: Vec<char> = match random.below(3) {
            0 => Vec::new(),
            1 => characters[at..end].repeat(2),
            _ => random.pick(&PIECES).chars().collect(),
        };
        characters.splice(at..end, new);
    }
    if random.below(8) == 0 {
        characters.truncate(random.below(characters.len() as u64 + 1) as usize);
    }
    characters.into_iter().collect()
}

fn blank(random: &mut Random) -> &'static str {
    random.pick(&BLANKS)
}

fn object(random: &mut Random, levels: u32) -> String {
    let member = |random: &mut Random| {
        let name = random.pick(&NAMES);
        format!("{}\"{name}\"{}:{}", blank(random), blank(random), value(random, levels - 1))
    };
    let members: Vec<_> = (0..random.below(4)).map(|_| member(random)).collect();
    format!("{{{}{}}}", members.join(","), blank(random))
}

fn value(random: &mut Random, levels: u32) -> String {
    let value = match random.below(if levels > 0 { 12 } else { 8 }) {
        0..3 => format!("\"{}{}\"", random.pick(&STRINGS), random.pick(&STRINGS)),
        3..6 => number(random),
        6 => "null".to_owned(),
        7 => ["true", "false"][random.below(2) as usize].to_owned(),
        8..10 => object(random, levels),
        _ => {
            let elements: Vec<_> =
                (0..random.below(4)).map(|_| value(random, levels - 1)).collect();
            format!("[{}]", elements.join(","))
        }
    };
    format!("{}{value}{}", blank(random), blank(random))
}

fn number(random: &mut Random) -> String {
    match random.below(4) {
        0 => f64::from_bits(random.below(u64::MAX)).to_string(),
        1 => format!("{}e{}", random.below(u64::MAX), random.below(700) as i64 - 350),
        _ => (*random.pick(&NUMBERS)).to_owned(),
    }
}
