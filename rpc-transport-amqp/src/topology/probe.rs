//! Finds out whether the broker declares queues at all, to tell a queue that cannot be reached from a broker that is slow.

use std::sync::Arc;

use rpc_amqp::{Error, FieldTable, QueueDeclare};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::DECLARE_GRACE;
use crate::connection::Session;

/// Declares a queue of this name, and deletes it. Returns whether the broker declared it in time.
///
/// The queue is exclusive: should the connection be lost meanwhile, the broker deletes it.
///
/// # Cancel safety
///
/// Cancel safe: the queue is deleted all the same.
pub(crate) async fn broker_declares(name: String, session: &Arc<Session>) -> bool {
    let (declared, when_declared) = oneshot::channel();
    let session = Arc::clone(session);
    tokio::spawn(async move {
        if let Err(error) = declare_and_delete(&name, &session, declared).await {
            tracing::debug!(queue = %name, %error, "the broker did not declare or delete a queue to compare with");
        }
    });
    matches!(timeout(DECLARE_GRACE, when_declared).await, Ok(Ok(())))
}

async fn declare_and_delete(
    name: &str,
    session: &Session,
    declared: oneshot::Sender<()>,
) -> Result<(), Error> {
    let channel = session.connection.open_channel().await?;
    let declare = QueueDeclare {
        name,
        passive: false,
        durable: false,
        exclusive: true,
        auto_delete: false,
        arguments: &FieldTable::new(),
    };
    channel.queue_declare(&declare).await?;
    // Nobody may wait any more.
    let _ = declared.send(());
    channel.queue_delete(name, false, false).await?;
    channel.close(200, "the queue is deleted").await;
    Ok(())
}
