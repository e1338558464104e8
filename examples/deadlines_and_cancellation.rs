//! Deadlines that pass on to nested calls, cancellation, and calls that time out.
//!
//! `cargo run -p rpc-examples --example deadlines_and_cancellation`
//!
//! It uses tokio's paused clock, so minutes pass at once.

use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::sync::mpsc;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

struct Reports {
    archive: ArchiveClient,
    events: mpsc::UnboundedSender<&'static str>,
}

#[endpoint(namespace = "reports")]
impl Reports {
    /// Calls another service with the received context, and so with the remaining time.
    pub async fn yearly(&self, ctx: &Context) -> Result<String, CallError> {
        sleep(4 * SECOND).await;
        self.archive.remaining(ctx).await
    }

    /// Runs until the call is cancelled.
    pub async fn endless(&self, ctx: &Context) {
        let _ = self.events.send("started");
        ctx.cancelled().await;
        let _ = self.events.send("cancelled");
    }

    /// Runs for 30 seconds.
    pub async fn slow(&self, _ctx: &Context) {
        sleep(30 * SECOND).await;
    }
}

struct Archive;

#[endpoint(namespace = "archive")]
impl Archive {
    /// Returns how much time is left until the deadline of the call.
    pub fn remaining(&self, ctx: &Context) -> String {
        format!("{:?} left", ctx.remaining().unwrap_or_default())
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = MemTransport::new();
    let ctx = Context::new();
    let (events, mut seen) = mpsc::unbounded_channel();
    let archive = ArchiveClient::new(transport.clone(), Target::topic("archive"));
    let reports = Reports { archive, events };

    let _archive = Server::builder(transport.clone(), Target::topic("archive").server("archive-1"))
        .endpoint(Archive)
        .build()?
        .start()
        .await?;
    // One message at a time, so that a second call waits in the queue.
    let server = Server::builder(transport.clone(), Target::topic("reports").server("reports-1"))
        .endpoint(reports)
        .concurrency(Concurrency::Serial)
        .build()?
        .start()
        .await?;
    let reports = ReportsClient::new(transport, Target::topic("reports"));

    // The nested call has the time that is left of the first one.
    println!("nested call: {}", reports.yearly(&ctx).timeout(10 * SECOND).await?);

    // Dropping a call cancels it, and the method is told.
    let mut call = Box::pin(reports.endless(&ctx));
    tokio::select! {
        _ = &mut call => {}
        event = seen.recv() => println!("dropped call: {}", event.unwrap_or_default()),
    }
    drop(call);
    println!("dropped call: {}", seen.recv().await.unwrap_or_default());

    // Two calls time out. One is running, so its effect is unknown. The other is still queued, and never runs.
    let (running, queued) = tokio::join!(
        reports.slow(&ctx).timeout(5 * SECOND),
        reports.slow(&ctx).timeout(5 * SECOND),
    );
    for (which, result) in [("running", running), ("queued", queued)] {
        match result {
            Err(error @ CallError::Timeout(_)) => println!(
                "{which} call: timed out, ran: {}, may retry: {}",
                error.ran(),
                error.may_retry()
            ),
            other => println!("{which} call: {other:?}"),
        }
    }

    server.stop();
    server.wait().await?;
    println!("messages received by the server: {}", server.stats().received);
    Ok(())
}
