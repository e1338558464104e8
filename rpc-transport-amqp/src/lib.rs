//! RabbitMQ for [`rpc_core`].

mod address;
mod announcer;
mod builder;
mod config;
mod connect;
mod connect_failure;
mod core;
mod delivery;
mod ear;
mod exact;
mod factory;
mod inbox;
mod inspector;
mod kinds;
mod link;
mod listener;
mod names;
mod oslo;
mod outlet;
mod publisher;
mod pump;
mod random;
mod refusal;
mod sender;
mod strays;
mod taken;
mod target;
mod tls;
mod topology;
mod transport;
mod url;
mod window;
mod wire;

pub use self::builder::AmqpBuilder;
pub use self::factory::AmqpFactory;
pub use self::transport::AmqpTransport;
