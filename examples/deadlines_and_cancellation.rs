//! How long a caller waits, what a method knows of it, and what happens when the caller is gone.
//!
//! `cargo run --example deadlines_and_cancellation`
//!
//! The clock is tokio's paused one, which jumps to the next thing that happens: minutes pass at once.

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
    /// Passing the received context on passes on what is left of the time.
    pub async fn yearly(&self, ctx: &Context) -> anyhow::Result<String> {
        sleep(4 * SECOND).await;
        Ok(self.archive.remaining(ctx).await?)
    }

    /// Works until it is done, or until nobody waits any more.
    pub async fn endless(&self, ctx: &Context) {
        let _ = self.events.send("endless began");
        ctx.cancelled().await;
        let _ = self.events.send("endless was told that its caller is gone, and stopped");
    }

    /// Keeps a server busy.
    pub async fn slow(&self, _ctx: &Context) {
        sleep(30 * SECOND).await;
    }
}

struct Archive;

#[endpoint(namespace = "archive")]
impl Archive {
    /// What the caller still has, as this method sees it.
    pub fn remaining(&self, ctx: &Context) -> String {
        format!("{:?} left of the first caller's time", ctx.remaining().unwrap_or_default())
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> anyhow::Result<()> {
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
    // One message at a time, so that calls have to wait for their turn.
    let server = Server::builder(transport.clone(), Target::topic("reports").server("reports-1"))
        .endpoint(reports)
        .concurrency(Concurrency::Serial)
        .build()?
        .start()
        .await?;
    let reports = ReportsClient::new(transport, Target::topic("reports"));

    // Deadlines nest: the second call has what the first one left.
    println!("nested: {}", reports.yearly(&ctx).timeout(10 * SECOND).await?);

    // Giving up: the future is dropped, and the method is told.
    let mut call = Box::pin(reports.endless(&ctx));
    tokio::select! {
        _ = &mut call => {}
        began = seen.recv() => println!("dropped: {}", began.unwrap_or_default()),
    }
    drop(call);
    println!("dropped: {}", seen.recv().await.unwrap_or_default());

    // Too late: one call runs, so nobody knows how far it got; the other never left the queue, and never will.
    let (running, queued) = tokio::join!(
        reports.slow(&ctx).timeout(5 * SECOND),
        reports.slow(&ctx).timeout(5 * SECOND),
    );
    for (which, answer) in [("running", running), ("queued", queued)] {
        match answer {
            Err(error @ CallError::Timeout(_)) => println!(
                "{which}: no answer in time, ran: {}, retry: {}",
                error.ran(),
                error.may_retry()
            ),
            other => println!("{which}: {other:?}"),
        }
    }

    server.stop();
    server.wait().await?;
    println!("messages that reached the server: {}", server.stats().received);
    Ok(())
}
