//! Code that tests of several subjects share.

#[cfg(feature = "rabbitmq")]
pub mod certificates;
pub mod history;
pub mod intercept;
pub mod logs;
pub mod poll;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
#[cfg(feature = "rabbitmq")]
pub mod raw_publisher;
pub mod seeded_rng;
