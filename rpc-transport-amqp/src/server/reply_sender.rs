//! Publishes replies.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::MaybeReady;
use rpc_core::transport::ReplyError;
use tokio::time::{Instant, timeout_at};

use crate::publish::{PublisherSupervisor, ReportTo};
use crate::wire::Outgoing;

/// How long a reply that cannot be published is kept, if its request has no deadline.
const REPLY_RETENTION: Duration = Duration::from_secs(60);

/// Publishes replies without waiting for their confirms.
pub(super) struct ReplySender {
    publisher: Arc<PublisherSupervisor>,
    /// The largest body in bytes.
    pub(super) max_message: usize,
}

impl ReplySender {
    pub(super) fn new(publisher: Arc<PublisherSupervisor>, max_message: usize) -> Arc<Self> {
        Arc::new(Self { publisher, max_message })
    }

    /// Publishes a reply, at once if that is possible. Otherwise it is kept until its request's deadline.
    pub(super) fn send(
        self: &Arc<Self>,
        reply: Outgoing,
        deadline: Option<Instant>,
    ) -> MaybeReady<Result<(), ReplyError>> {
        if let Some(permit) = self.publisher.try_permit() {
            let report_to = ReportTo::log_reply(&reply);
            permit.publish(reply, report_to);
            return MaybeReady::ready(Ok(()));
        }
        let publisher = Arc::clone(&self.publisher);
        MaybeReady::pending(async move {
            let until = deadline.unwrap_or_else(|| Instant::now() + REPLY_RETENTION);
            match timeout_at(until, publisher.permit()).await {
                Ok(Ok(permit)) => {
                    let report_to = ReportTo::log_reply(&reply);
                    permit.publish(reply, report_to);
                    Ok(())
                }
                Ok(Err(why)) => Err(ReplyError::new(why.to_string())),
                Err(_) => {
                    Err(ReplyError::new("timed out waiting for a connection to publish the reply"))
                }
            }
        })
    }
}
