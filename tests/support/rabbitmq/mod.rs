//! Private RabbitMQ nodes, and a proxy between one and its clients.

mod control;
mod error;
mod info;
mod installation;
mod methods;
mod node;
mod ports;
mod processes;
mod proxy;
mod term;
mod tls;

pub use error::NodeError;
pub use info::{ChannelInfo, ConnectionInfo, QueueInfo};
pub use methods::Method;
pub use node::{Node, NodeOptions, UrlForm, shared};
pub use proxy::{Cut, Direction, Proxy};
pub use tls::Tls;
