//! What queues and exchanges are called.

use std::fmt::Write;

use crate::config::Form;

/// AMQP's short strings hold no more bytes, and names are short strings.
pub(crate) const LONGEST: usize = 255;

/// Whether AMQP can hold the name.
pub(crate) fn fits(name: &str) -> bool {
    name.len() <= LONGEST
}

/// Returns whether the broker gives the name a meaning of its own: a message to `amq.rabbitmq.reply-to.<token>` goes to the
/// channel in the token, and a forged token makes RabbitMQ close the connection of whoever publishes to it. No check of its
/// form tells a good token from a bad one.
pub(crate) fn is_reserved(queue: &str) -> bool {
    queue.starts_with("amq.rabbitmq.")
}

impl Form {
    /// The queue that all servers of a topic share.
    pub(crate) fn topic_queue(self, exchange: &str, topic: &str) -> String {
        match self {
            Self::Native => joined(&[exchange, topic]),
            Self::Oslo => topic.to_owned(),
        }
    }

    /// The queue of one server.
    pub(crate) fn server_queue(self, exchange: &str, topic: &str, server: &str) -> String {
        match self {
            Self::Native => joined(&[exchange, topic, server]),
            Self::Oslo => format!("{topic}.{server}"),
        }
    }

    /// The exchange to which every server of a topic binds a queue of its own. It belongs to the topic, whatever exchange
    /// the topic is on, as in oslo.messaging.
    pub(crate) fn fanout_exchange(self, topic: &str) -> String {
        match self {
            Self::Native => format!("rpc.fanout/{}", escaped(topic)),
            Self::Oslo => format!("{topic}_fanout"),
        }
    }

    /// One server's queue at the fanout exchange.
    pub(crate) fn fanout_queue(self, topic: &str, unique: &str) -> String {
        match self {
            Self::Native => format!("{}/{unique}", self.fanout_exchange(topic)),
            Self::Oslo => format!("{topic}_fanout_{unique}"),
        }
    }

    /// The queue of a transport's answers.
    pub(crate) fn reply_queue(self, unique: &str) -> String {
        match self {
            Self::Native => format!("rpc.reply/{unique}"),
            Self::Oslo => format!("reply_{unique}"),
        }
    }
}

/// The parts with slashes between them. Slashes within parts are escaped, so that no two lists of parts have one name.
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
    fn no_two_targets_share_a_queue_of_the_native_form() {
        let form = Form::Native;
        assert_eq!(form.topic_queue("rpc", "bank"), "rpc/bank");
        assert_ne!(form.topic_queue("a/b", "c"), form.topic_queue("a", "b/c"));
        assert_ne!(form.server_queue("a", "b", "c"), form.topic_queue("a", "b/c"));
        assert_ne!(form.topic_queue("a", "%2F"), form.topic_queue("a", "/"));
    }

    #[test]
    fn the_names_of_the_oslo_form_are_those_of_python_peers() {
        let form = Form::Oslo;
        assert_eq!(form.topic_queue("openstack", "peer"), "peer");
        assert_eq!(form.server_queue("openstack", "peer", "s1"), "peer.s1");
        assert_eq!(form.fanout_exchange("peer"), "peer_fanout");
        assert_eq!(form.fanout_queue("peer", "0d50"), "peer_fanout_0d50");
        assert_eq!(form.reply_queue("0d50"), "reply_0d50");
    }
}
