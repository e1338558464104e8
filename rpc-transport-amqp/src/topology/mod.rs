//! Exchanges and queues: how they are declared, deleted and checked.

mod exchanges;
mod probe;
mod queue_status;
mod queues;
mod server_queues;
mod unique_name;
mod unreachable;

pub(crate) use self::probe::broker_declares;
pub(crate) use self::queue_status::{QueueStatus, QueueStatusReader};
pub(crate) use self::queues::{Queue, reply_queue};
pub(crate) use self::server_queues::ServerQueues;
pub(crate) use self::unique_name::{consumer_tag, random_name, unique_name};
pub(crate) use self::unreachable::{
    DECLARE_GRACE, Reachability, Unreachable, is_taken, is_unreachable,
};
