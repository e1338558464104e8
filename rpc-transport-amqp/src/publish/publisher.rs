//! The channel on which messages are published, one after the other, without waiting for each other's confirms.

use std::sync::Arc;

use rpc_amqp::{Channel, Error};

use crate::connection::Session;

/// How many messages may be unconfirmed.
const MAX_UNCONFIRMED: usize = 4096;

/// The channel of one session.
pub(super) struct Publisher {
    pub(super) session: Arc<Session>,
    pub(super) channel: Channel,
}

impl Publisher {
    /// Opens the channel.
    pub(super) async fn open(session: &Arc<Session>) -> Result<Arc<Self>, Error> {
        let channel = session.connection.open_channel().await?;
        channel.confirm_select(MAX_UNCONFIRMED).await?;
        Ok(Arc::new(Self { session: Arc::clone(session), channel }))
    }

    /// Returns whether a message can be published now.
    pub(super) fn is_ready(&self) -> bool {
        self.channel.is_ready()
    }

    /// Waits until nothing can be published on the channel any more.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(super) async fn closed(&self) {
        tokio::select! {
            _ = self.channel.closed() => {}
            () = self.session.ended() => {}
        }
    }
}
