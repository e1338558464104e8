//! The transports that the suite runs over.

#[cfg(feature = "rabbitmq")]
pub mod amqp;
pub mod mem;
