//! The server's half of oslo.messaging's call monitoring: tells the caller that its method is still running.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::monitor_pace::MonitorPace;
use crate::maybe_ready::MaybeReady;
use crate::message::Request;
use crate::transport::ReplyError;
use crate::untrusted::Untrusted;

/// A caller chooses the period. It must neither keep a timer busy nor overflow the clock.
const MIN_INTERVAL: Duration = Duration::from_millis(1);
const MAX_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a method, and calls `still_running` every half period until the method ends, as oslo.messaging does. `pace` delays
/// that where the calls of a server ask for more than it allows.
///
/// The task of the method also sends these messages, so none can follow the final reply. None is sent for a request
/// that was rejected (oslo.messaging sends them for ever then). A message that cannot be sent ends the messages, not the
/// method.
pub(crate) async fn monitored<T>(
    request: &Request,
    period: Duration,
    pace: &MonitorPace,
    mut still_running: impl FnMut() -> MaybeReady<Result<(), ReplyError>>,
    method: impl Future<Output = T>,
) -> T {
    let mut method = pin!(method);
    let interval = (period / 2).clamp(MIN_INTERVAL, MAX_INTERVAL);
    let mut next = Instant::now() + interval;
    loop {
        let message = async {
            sleep_until(next).await;
            pace.turn().await;
            still_running().await
        };
        tokio::select! {
            biased;
            outcome = &mut method => return outcome,
            sent = message => if let Err(error) = sent {
                tracing::debug!(
                    target: "rpc_core::server",
                    id = %request.id,
                    method = %Untrusted(&request.method),
                    %error,
                    "cannot send the still-running message"
                );
                return method.await;
            },
        }
        // A thread that was blocked sends one message, not all those it missed.
        next = (next + interval).max(Instant::now());
    }
}
