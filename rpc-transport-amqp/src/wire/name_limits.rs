//! Names of queues and exchanges, as AMQP limits them.

/// The longest name in bytes: names are AMQP's short strings.
pub(crate) const MAX_LEN: usize = 255;

/// Returns whether AMQP can carry the name, which is a short string.
pub(crate) fn fits_short_string(name: &str) -> bool {
    name.len() <= MAX_LEN
}

/// Returns whether the broker gives the name a meaning of its own: a message to `amq.rabbitmq.reply-to.<token>` goes to the
/// channel in the token, and a forged token makes RabbitMQ close the connection of whoever publishes to it. No check of its
/// form tells a good token from a bad one.
pub(crate) fn is_reserved(queue: &str) -> bool {
    queue.starts_with("amq.rabbitmq.")
}
