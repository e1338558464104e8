//! Names of queues and exchanges.

use std::fmt::Write;

pub(super) fn topic_queue(exchange: &str, topic: &str) -> String {
    joined(&[exchange, topic])
}

pub(super) fn server_queue(exchange: &str, topic: &str, server: &str) -> String {
    joined(&[exchange, topic, server])
}

pub(super) fn fanout_exchange(topic: &str) -> String {
    format!("rpc.fanout/{}", escaped(topic))
}

pub(super) fn fanout_queue(topic: &str, unique: &str) -> String {
    format!("{}/{unique}", fanout_exchange(topic))
}

pub(super) fn reply_queue(unique: &str) -> String {
    format!("rpc.reply/{unique}")
}

/// Joins the parts with slashes. Slashes within parts are escaped, so that no two lists of parts have the same name.
fn joined(parts: &[&str]) -> String {
    let escaped: Vec<_> = parts.iter().map(|part| escaped(part)).collect();
    escaped.join("/")
}

fn escaped(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for letter in part.chars() {
        match letter {
            '/' => text.push_str("%2F"),
            '%' => text.push_str("%25"),
            letter if letter.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(text, "%{:02X}", u32::from(letter));
            }
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_targets_share_a_queue() {
        assert_eq!(topic_queue("rpc", "bank"), "rpc/bank");
        assert_ne!(topic_queue("a/b", "c"), topic_queue("a", "b/c"));
        assert_ne!(server_queue("a", "b", "c"), topic_queue("a", "b/c"));
        assert_ne!(topic_queue("a", "%2F"), topic_queue("a", "/"));
    }
}
