//! Exchanges and queues: declared, deleted and inspected.

pub(crate) mod queue_status;
pub(crate) mod queues;
