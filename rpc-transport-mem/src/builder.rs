//! What can be set on a broker.

use rpc_core::Codec;

use crate::MemTransport;
use crate::broker::Broker;
use crate::faults::Faults;

/// Settings of a broker within the process; [`MemTransport::builder`] begins.
///
/// ```
/// use rpc_transport_mem::MemTransport;
///
/// let transport = MemTransport::builder().queue_capacity(16).max_message(None).build();
/// # let _ = transport;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct MemBuilder {
    pub(crate) codec: Codec,
    pub(crate) capacity: usize,
    pub(crate) max_message: Option<usize>,
    pub(crate) faults: Option<Faults>,
}

impl MemBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            codec: Codec::MessagePack,
            capacity: 1024,
            max_message: Some(16 * 1024 * 1024),
            faults: None,
        }
    }

    /// What clients encode arguments in. Default: MessagePack.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// How many messages each queue holds before its senders wait for room. Default: 1024; at least 1.
    ///
    /// A topic has one queue for all its servers, one for each server's name, and one per listener for fanouts. Messages
    /// that servers give back do not count.
    pub fn queue_capacity(mut self, messages: usize) -> Self {
        self.capacity = messages.max(1);
        self
    }

    /// The largest message in bytes of encoded arguments; `None`: no limit. Default: 16 MiB, RabbitMQ's own.
    pub fn max_message(mut self, bytes: Option<usize>) -> Self {
        self.max_message = bytes;
        self
    }

    /// Lets things go wrong, for tests. Default: nothing does.
    pub const fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// The transport, with a broker of its own.
    #[must_use]
    pub fn build(self) -> MemTransport {
        MemTransport::over(Broker::new(self))
    }
}
