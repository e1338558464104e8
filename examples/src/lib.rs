//! What the examples of this package and those for RabbitMQ (`rpc-examples-rabbitmq`) share.
//!
//! The examples are the files beside this package's manifest. The README of the workspace lists them.

pub mod bank;
