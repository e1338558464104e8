//! Refuses TLS, as the program was built without it.

use std::convert::Infallible;
use std::io;

use tokio::net::TcpStream;

use crate::config::Tls;

/// Would make TLS connections.
pub(in crate::connection) struct Connector(Infallible);

impl Connector {
    pub(in crate::connection) fn new(_: &Tls) -> io::Result<Self> {
        let reason = "this program was built without TLS: rpc-transport-amqp has the features `tls-ring` and `tls-aws-lc-rs`";
        Err(io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    pub(in crate::connection) async fn connect(
        self,
        _: &str,
        _: TcpStream,
    ) -> io::Result<TcpStream> {
        match self.0 {}
    }
}
