use rpc_core::Codec;

use crate::faults::FaultPlan;

/// The settings of a broker. [`MemBuilder`](crate::MemBuilder) documents them.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) codec: Codec,
    pub(crate) queue_capacity: usize,
    pub(crate) max_message: Option<usize>,
    pub(crate) faults: Option<FaultPlan>,
}

impl Config {
    pub(crate) const DEFAULT: Self = Self {
        codec: Codec::MessagePack,
        queue_capacity: 1024,
        max_message: Some(16 * 1024 * 1024),
        faults: None,
    };
}
