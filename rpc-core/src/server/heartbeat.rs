//! Signs of life for callers that asked for them: the server's half of oslo.messaging's call monitoring.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::maybe_ready::MaybeReady;
use crate::message::Request;
use crate::transport::ReplyError;

/// The period comes from outside: it must neither keep the server busy nor outlast the clock.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a method and sends a sign of life every half period until it ends, as the original does.
///
/// The signs come from the same task as the method, so none can follow the final reply, and none is sent for a request
/// that was refused (the original goes on for ever there). A sign that cannot be sent ends the signs, not the method.
pub(crate) async fn beside<T>(
    request: &Request,
    period: Duration,
    mut heartbeat: impl FnMut() -> MaybeReady<Result<(), ReplyError>>,
    method: impl Future<Output = T>,
) -> T {
    let mut method = pin!(method);
    let pause = (period / 2).clamp(SHORTEST, LONGEST);
    let mut next = Instant::now() + pause;
    loop {
        let sign = async {
            sleep_until(next).await;
            heartbeat().await
        };
        tokio::select! {
            biased;
            outcome = &mut method => return outcome,
            sent = sign => if let Err(error) = sent {
                let id = request.id;
                tracing::debug!(target: "rpc_core::server", %id, %error, "no more signs of life can be sent");
                return method.await;
            },
        }
        // A thread that was held up sends one sign, not all those it has missed.
        next = (next + pause).max(Instant::now());
    }
}
