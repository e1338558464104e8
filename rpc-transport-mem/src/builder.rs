//! The builder of a transport with settings other than the defaults.

use rpc_core::Codec;

use crate::broker::{Broker, Config};
use crate::faults::FaultPlan;
use crate::transport::MemTransport;

/// Settings of an in-process broker, started by [`MemTransport::builder`].
///
/// ```
/// use rpc_transport_mem::MemTransport;
///
/// let transport = MemTransport::builder().queue_capacity(16).max_message(None).build();
/// # let _ = transport;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct MemBuilder(Config);

impl MemBuilder {
    /// Sets the codec that clients encode arguments with. Default: MessagePack.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.0.codec = codec;
        self
    }

    /// Sets how many messages a queue holds before senders wait for space. Default: 1024, minimum: 1.
    ///
    /// A topic has one queue for all its servers, one for each server name, and one per listener for fanouts. Requeued
    /// messages do not count.
    pub fn queue_capacity(mut self, messages: usize) -> Self {
        self.0.queue_capacity = messages.max(1);
        self
    }

    /// Sets the maximum size of a message in bytes of encoded arguments; `None` for no limit. Default: 16 MiB, as in
    /// RabbitMQ.
    pub fn max_message(mut self, bytes: Option<usize>) -> Self {
        self.0.max_message = bytes;
        self
    }

    /// Injects faults, for tests. Default: none.
    pub const fn faults(mut self, plan: FaultPlan) -> Self {
        self.0.faults = Some(plan);
        self
    }

    /// Creates the transport, with a broker of its own.
    #[must_use]
    pub fn build(self) -> MemTransport {
        MemTransport::with_broker(Broker::new(self.0))
    }
}

impl MemTransport {
    /// Returns a builder for a transport with other settings than the defaults.
    ///
    /// ```
    /// use rpc_core::{Codec, Transport};
    /// use rpc_transport_mem::MemTransport;
    ///
    /// let transport = MemTransport::builder().codec(Codec::Json).build();
    /// assert_eq!(transport.codec(), Codec::Json);
    /// ```
    pub const fn builder() -> MemBuilder {
        MemBuilder(Config::DEFAULT)
    }
}
