//! The in-memory broker under test.

use std::sync::Arc;

use rpc_core::{BoxFuture, Codec, Transport};
use rpc_transport_mem::MemTransport;

use crate::conformance::harness::{Backend, Broker, Clock, LeftBehind};

/// Small enough to be filled by a case.
const CAPACITY: usize = 128;

/// The `mem` transport with one of the codecs and one of the clocks.
#[derive(Debug, Copy, Clone)]
pub struct Mem {
    /// What clients encode arguments in.
    pub codec: Codec,
    /// How time passes.
    pub clock: Clock,
}

impl Backend for Mem {
    fn name(&self) -> String {
        match self.clock {
            Clock::Paused => format!("mem, {}", self.codec.name()),
            Clock::Real => format!("mem, {}, real time", self.codec.name()),
        }
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn broker(&self) -> BoxFuture<'_, Arc<dyn Broker>> {
        let transport = MemTransport::builder().codec(self.codec).queue_capacity(CAPACITY).build();
        Box::pin(std::future::ready(Arc::new(MemBroker(transport)) as Arc<dyn Broker>))
    }
}

struct MemBroker(MemTransport);

impl Broker for MemBroker {
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Transport>> {
        Box::pin(std::future::ready(self.0.clone().into()))
    }

    fn queue_capacity(&self) -> Option<usize> {
        Some(CAPACITY)
    }

    fn left_behind(&self) -> BoxFuture<'_, LeftBehind> {
        Box::pin(std::future::ready(LeftBehind {
            pending_calls: self.0.pending_calls(),
            queued: self.0.queued(),
            unacknowledged: self.0.unacked(),
        }))
    }
}
