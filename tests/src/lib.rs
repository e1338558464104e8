//! What the tests of this package share: the conformance suite, and what runs it.

#[cfg(feature = "rabbitmq")]
pub mod amqp;
pub mod conformance;
pub mod dice;
pub mod harness;
#[cfg(feature = "rabbitmq")]
pub mod interop;
pub mod mem;
#[cfg(feature = "rabbitmq")]
pub mod rabbit;
