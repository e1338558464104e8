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
mod transient_queues;
mod url;

pub use error::NodeError;
pub use info::{ChannelInfo, ConnectionInfo, QueueInfo};
pub use methods::Method;
pub use node::{Node, NodeOptions, permissive, shared};
pub use proxy::{Cut, Direction, Proxy};
pub use tls::Tls;
pub use transient_queues::OPTION_WHERE_REFUSED;
pub use url::{UrlForm, with_options};
