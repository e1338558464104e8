//! What a server does about queues whose node of the cluster is down, and about consumers that the broker cancels.

mod restored_consumers;
mod retry;
mod unreachable_queues;

pub(super) use self::restored_consumers::RestoredConsumers;
pub(super) use self::retry::Retry;
pub(super) use self::unreachable_queues::{UnreachableQueues, unbind};
