//! Publishes replies.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::{ConfirmHandler, Error};
use rpc_core::MaybeReady;
use rpc_core::transport::ReplyError;
use tokio::time::{Instant, timeout_at};

use crate::publish::{LoggedPublish, PublishPermit, PublisherSupervisor, ReturnListener};
use crate::wire::Outgoing;

/// How long a reply that cannot be published is kept, if its request has no deadline.
const REPLY_RETENTION: Duration = Duration::from_secs(60);

/// Publishes replies without waiting for their confirms.
pub(super) struct ReplySender {
    publisher: Arc<PublisherSupervisor>,
    returns: Arc<dyn ReturnListener>,
    /// The largest body in bytes.
    pub(super) max_message: usize,
}

impl ReplySender {
    /// Creates a sender of replies. `returns` receives those that no queue takes.
    pub(super) fn new(
        publisher: Arc<PublisherSupervisor>,
        returns: Arc<dyn ReturnListener>,
        max_message: usize,
    ) -> Arc<Self> {
        Arc::new(Self { publisher, returns, max_message })
    }

    /// Publishes a reply, at once if that is possible. Otherwise it is kept until its request's deadline.
    pub(super) fn send(
        self: &Arc<Self>,
        reply: Outgoing,
        deadline: Option<Instant>,
    ) -> MaybeReady<Result<(), ReplyError>> {
        let handler: Arc<dyn ConfirmHandler> = LoggedPublish::reply(&reply, &self.returns);
        if let Some(permit) = self.publisher.try_permit()
            && let Some(done) = publish(&permit, &reply, &handler)
        {
            return MaybeReady::ready(done);
        }
        let publisher = Arc::clone(&self.publisher);
        MaybeReady::pending(async move {
            let until = deadline.unwrap_or_else(|| Instant::now() + REPLY_RETENTION);
            let published = publish_when_ready(&publisher, &reply, &handler);
            timeout_at(until, published).await.unwrap_or_else(|_| {
                Err(ReplyError::new("timed out waiting for a connection to publish the reply"))
            })
        })
    }

    /// Publishes a message that says that a method still runs, if that is possible now; later it would be of no use.
    pub(super) fn send_still_running(&self, message: &Outgoing) {
        if let Some(permit) = self.publisher.try_permit() {
            // The next one is due soon.
            let _ = permit.publish(message, LoggedPublish::notice(message), 0);
        }
    }
}

/// Publishes a reply as soon as it can be, also if the channel is closed under it.
async fn publish_when_ready(
    publisher: &PublisherSupervisor,
    reply: &Outgoing,
    handler: &Arc<dyn ConfirmHandler>,
) -> Result<(), ReplyError> {
    loop {
        let permit = publisher.permit().await;
        let permit = permit.map_err(|why| ReplyError::new(why.to_string()))?;
        if let Some(done) = publish(&permit, reply, handler) {
            return done;
        }
    }
}

/// Publishes a reply. Returns `None` if the channel has just been closed.
fn publish(
    permit: &PublishPermit,
    reply: &Outgoing,
    handler: &Arc<dyn ConfirmHandler>,
) -> Option<Result<(), ReplyError>> {
    match permit.publish(reply, Arc::clone(handler), 0) {
        Ok(()) => Some(Ok(())),
        Err(Error::InvalidArgument(error)) => Some(Err(ReplyError::new(error.to_string()))),
        Err(_) => None,
    }
}
