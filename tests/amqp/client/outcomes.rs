//! Records the outcomes of messages.

use std::sync::Arc;

use rpc_amqp::{ConfirmHandler, Outcome};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::broker::{BULK_TIMEOUT, within};

struct Recorder(UnboundedSender<(u128, Outcome)>);

impl ConfirmHandler for Recorder {
    fn on_outcome(&self, message: u128, outcome: Outcome) {
        let _ = self.0.send((message, outcome));
    }
}

/// Receives outcomes, each with the number of its message.
#[derive(Debug)]
pub struct Outcomes(UnboundedReceiver<(u128, Outcome)>);

impl Outcomes {
    /// Creates a handler, and what receives the outcomes that it is told.
    pub fn new() -> (Arc<dyn ConfirmHandler>, Self) {
        let (sender, receiver) = unbounded_channel();
        (Arc::new(Recorder(sender)), Self(receiver))
    }

    /// Returns all outcomes: waits until no message is left that could have another.
    pub async fn all(mut self) -> Vec<(u128, Outcome)> {
        let collected = async {
            let mut outcomes = Vec::new();
            while let Some(outcome) = self.0.recv().await {
                outcomes.push(outcome);
            }
            outcomes
        };
        within(BULK_TIMEOUT, "the outcomes of all messages", collected).await
    }
}
