//! What the serve loop, the running requests and the server's handle share.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::options::Options;
use super::process::{
    AbortRegistry, Dispatcher, MonitorPace, RequestEvents, ServerId, SlowDecoding, UnackedRequests,
};
use crate::layer::RpcService;
use crate::transport::delivery_memory::DeliveryMemory;

pub(super) struct ServerShared {
    pub(super) id: ServerId,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) options: Options,
    /// The layers around the dispatcher, outermost first.
    pub(super) stack: Option<RpcService>,
    pub(super) events: RequestEvents,
    pub(super) memory: Arc<DeliveryMemory>,
    /// As many as requests may run at the same time.
    pub(super) permits: Arc<Semaphore>,
    /// Counts the requests in flight.
    pub(super) in_flight: TaskTracker,
    /// Aborts the methods that are still running.
    pub(super) abort: AbortRegistry,
    /// The requests that are acknowledged after the reply, where the broker limits how long that may take.
    pub(super) unacked: UnackedRequests,
    /// Limits the still-running messages of all requests together.
    pub(super) monitor_pace: MonitorPace,
    pub(super) slow_decoding: SlowDecoding,
}
