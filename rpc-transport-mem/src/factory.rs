//! `mem:` URLs.

use std::sync::Arc;

use rpc_core::BoxFuture;
use rpc_core::transport::{ConnectError, Transport, TransportFactory};

use crate::MemTransport;

/// Makes transports from `mem:` URLs: `mem://` is a broker of its own, `mem://name` the one of that name, which the
/// process shares.
///
/// ```
/// use rpc_core::Transports;
/// use rpc_transport_mem::MemTransport;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transports = Transports::new().with(MemTransport::factory());
/// let transport = transports.connect("mem://orders").await?;
/// # drop(transport);
/// # Ok::<(), rpc_core::transport::ConnectError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Copy, Clone, Default)]
pub struct MemFactory(());

impl MemFactory {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

fn connect(url: &str) -> Result<MemTransport, ConnectError> {
    let name = url.strip_prefix("mem:").unwrap_or(url);
    let name = name.strip_prefix("//").unwrap_or(name);
    if name.contains(['?', '#']) {
        let advice = "it takes no options; what can be set stands on `MemTransport::builder()`";
        return Err(ConnectError::new(url, advice));
    }
    if name.contains(['/', '@', ':']) {
        let advice = "write `mem://` for a broker of its own, or `mem://name` for one that the \
                      process shares: there is no host, port, user or path";
        return Err(ConnectError::new(url, advice));
    }
    Ok(if name.is_empty() { MemTransport::new() } else { MemTransport::named(name) })
}

impl TransportFactory for MemFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["mem"]
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ConnectError>> {
        Box::pin(std::future::ready(connect(url).map(Into::into)))
    }
}
