//! `mem:` URLs.

use std::sync::Arc;

use rpc_core::BoxFuture;
use rpc_core::transport::{ConnectError, Transport, TransportFactory};

use crate::transport::MemTransport;

/// Creates transports from `mem:` URLs.
///
/// `mem://` creates a broker of its own. `mem://name` uses the broker of that name, which the process shares.
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

impl MemTransport {
    /// Returns the factory for `mem:` URLs, to be added to [`Transports`](rpc_core::Transports).
    #[must_use]
    pub const fn factory() -> MemFactory {
        MemFactory(())
    }
}

fn connect(url: &str) -> Result<MemTransport, ConnectError> {
    let name = url.strip_prefix("mem:").unwrap_or(url);
    let name = name.strip_prefix("//").unwrap_or(name);
    if name.contains(['?', '#']) {
        let reason = "`mem:` URLs have no options; use `MemTransport::builder()` for settings";
        return Err(ConnectError::new(url, reason));
    }
    if name.contains(['/', '@', ':']) {
        let reason = "`mem:` URLs have no user, host, port or path; write `mem://` for a broker of \
                      its own, or `mem://name` for one that the process shares";
        return Err(ConnectError::new(url, reason));
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
