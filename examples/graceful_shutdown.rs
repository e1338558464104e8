//! A server that ends when its process is told to: it takes nothing new, finishes what it has, and reports.
//!
//! `cargo run --example graceful_shutdown`
//!
//! The clock is tokio's paused one, so that half a minute of draining passes at once.

use std::time::Duration;

use rpc_core::server::ShutdownReport;
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

struct Exports {
    began: mpsc::UnboundedSender<u64>,
}

#[endpoint(namespace = "exports")]
impl Exports {
    /// Takes as long as it is told to.
    pub async fn export(&self, _ctx: &Context, seconds: u64) -> String {
        let _ = self.began.send(seconds);
        sleep(Duration::from_secs(seconds)).await;
        format!("done after {seconds} s")
    }
}

/// The only part that a service has.
async fn serve(
    transport: MemTransport,
    exports: Exports,
    terminated: impl Future,
) -> anyhow::Result<ShutdownReport> {
    let server = Server::builder(transport, Target::topic("exports").server("exports-1"))
        .endpoint(exports)
        .shutdown_timeout(Duration::from_secs(30))
        .build()?;
    Ok(server.run_until(terminated).await?)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> anyhow::Result<()> {
    let transport = MemTransport::new();
    let client = ExportsClient::new(transport.clone(), Target::topic("exports"));
    let (began, mut begun) = mpsc::unbounded_channel();
    // In a service this is `tokio::signal::ctrl_c()`, or a stream of SIGTERM.
    let (terminate, terminated) = oneshot::channel::<()>();

    let ctx = Context::new();
    let (report, (short, long), ()) = tokio::join!(
        biased;
        serve(transport, Exports { began }, terminated),
        async { tokio::join!(client.export(&ctx, 5), client.export(&ctx, 600)) },
        async {
            while begun.recv().await != Some(600) {}
            println!("signal: stop, please");
            let _ = terminate.send(());
        },
    );
    for answer in [short, long] {
        match answer {
            Ok(answer) => println!("call: {answer}"),
            Err(CallError::Transport(error)) => {
                println!("call: {:?}, ran: {}", error.kind(), error.ran());
            }
            Err(other) => println!("call: {other}"),
        }
    }
    println!("server: {}", report?);
    match client.export(&ctx, 1).await {
        Err(CallError::Transport(error)) => println!("afterwards: {:?}", error.kind()),
        other => println!("afterwards: {other:?}"),
    }
    Ok(())
}
