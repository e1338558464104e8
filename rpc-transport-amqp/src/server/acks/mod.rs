//! How delivered messages are settled.

mod ack_batch;
mod ack_loop;
mod settlement;

pub(super) use self::ack_batch::{Ack, AckBatch};
pub(super) use self::ack_loop::send_acks;
pub(super) use self::settlement::Settlement;
