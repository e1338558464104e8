//! Private RabbitMQ nodes and clusters, and a proxy between a node and its clients.

mod cluster;
mod control;
mod error;
mod identity;
mod info;
mod installation;
mod node;
mod ports;
mod processes;
mod proxy;
mod term;
mod tls;
mod transient_queues;
mod url;

pub use cluster::{Cluster, NODES};
pub use error::NodeError;
pub use info::{ChannelInfo, ConnectionInfo, QueueInfo};
pub use node::{Node, NodeOptions, permissive, shared};
pub use proxy::{Cut, Direction, Method, Proxy};
pub use tls::Tls;
pub use transient_queues::OPTION_WHERE_REFUSED;
pub use url::{UrlForm, with_options};
