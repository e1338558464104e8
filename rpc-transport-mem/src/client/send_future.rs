use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpc_core::error::SendError;

use crate::queue::{BlockedSender, Unblocked};
use crate::topic::{Address, Topic};

/// Waits until a full queue has space for a message.
///
/// Dropping it withdraws the message. A fanout stays in the queues that had space before.
pub(super) struct SendFuture {
    sender: Arc<BlockedSender>,
    topic: Arc<Topic>,
    address: Address,
}

impl SendFuture {
    pub(super) fn new(sender: Arc<BlockedSender>, topic: Arc<Topic>, address: Address) -> Self {
        Self { sender, topic, address }
    }
}

impl Future for SendFuture {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.sender.register(cx.waker());
        match self.sender.result() {
            None => Poll::Pending,
            Some(Unblocked::Enqueued) => Poll::Ready(Ok(())),
            Some(Unblocked::NoListeners) => Poll::Ready(Err(self.address.no_listeners())),
            Some(Unblocked::Closed) => Poll::Ready(Err(self.address.closed())),
        }
    }
}

impl Drop for SendFuture {
    fn drop(&mut self) {
        if self.sender.result().is_none() {
            self.topic.remove_blocked(&self.sender);
        }
    }
}
