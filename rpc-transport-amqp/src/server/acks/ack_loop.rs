//! Sends acknowledgements in batches, and finds out when the broker has processed them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use rpc_core::transport::AckMode;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::server::consumers::Consumers;

/// How long an ack may wait for others, where no method waits for it.
const FLUSH_INTERVAL: Duration = Duration::from_millis(1);
/// How often the broker is asked whether it has processed the acks that no method waits for. It bounds how many messages are
/// remembered.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);

/// Sends the acks of these consumers until nobody uses them any more.
pub(in crate::server) async fn send_acks(
    consumers: Weak<Consumers>,
    ack_waits: Arc<Notify>,
    mode: AckMode,
) {
    if mode.waits_for_broker() {
        send_and_confirm(consumers, &ack_waits).await;
    } else {
        send_and_confirm_later(consumers, &ack_waits).await;
    }
}

/// While the broker processes the acks before, the next ones wait for each other.
async fn send_and_confirm(consumers: Weak<Consumers>, ack_waits: &Notify) {
    loop {
        ack_waits.notified().await;
        let Some(consumers) = consumers.upgrade() else { return };
        consumers.flush();
        consumers.confirm_acks().await;
    }
}

async fn send_and_confirm_later(consumers: Weak<Consumers>, ack_waits: &Notify) {
    let mut confirm_at: Option<Instant> = None;
    loop {
        let confirm = async {
            match confirm_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ack_waits.notified() => {
                sleep(FLUSH_INTERVAL).await;
                let Some(consumers) = consumers.upgrade() else { return };
                consumers.flush();
                confirm_at.get_or_insert_with(|| Instant::now() + CONFIRM_INTERVAL);
            }
            () = confirm => {
                confirm_at = None;
                let Some(consumers) = consumers.upgrade() else { return };
                consumers.confirm_acks().await;
            }
        }
    }
}
