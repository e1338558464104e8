//! Transports from URLs.

use std::sync::Arc;

use rpc_core::BoxFuture;
use rpc_core::transport::{ConnectError, Transport, TransportFactory};

use crate::AmqpTransport;

/// Creates transports from `amqp:`, `amqps:` and `rabbit:` URLs, which [`AmqpBuilder`](crate::AmqpBuilder) describes.
///
/// ```
/// use rpc_core::Transports;
/// use rpc_transport_amqp::AmqpTransport;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transports = Transports::new().with(AmqpTransport::factory());
/// let transport = transports.connect("amqp://localhost").await?;
/// # drop(transport);
/// # Ok::<(), rpc_core::transport::ConnectError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Copy, Clone, Default)]
pub struct AmqpFactory(());

impl AmqpFactory {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl TransportFactory for AmqpFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["amqp", "amqps", "rabbit"]
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ConnectError>> {
        Box::pin(std::future::ready(AmqpTransport::from_url(url).map(Into::into)))
    }
}
