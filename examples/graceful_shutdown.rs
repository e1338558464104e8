//! Graceful shutdown: the server stops consuming, finishes running methods, and reports.
//!
//! `cargo run -p rpc-examples --example graceful_shutdown`
//!
//! It uses tokio's paused clock, so the shutdown timeout of 30 seconds passes at once.

use std::time::Duration;

use rpc_core::server::ShutdownReport;
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

struct Exports {
    started: mpsc::UnboundedSender<u64>,
}

#[endpoint(namespace = "exports")]
impl Exports {
    /// Runs for so many seconds.
    pub async fn export(&self, _ctx: &Context, seconds: u64) -> String {
        let _ = self.started.send(seconds);
        sleep(Duration::from_secs(seconds)).await;
        format!("done after {seconds} s")
    }
}

/// Runs the server until `shutdown` completes. This is all that a service needs.
async fn serve(
    transport: MemTransport,
    exports: Exports,
    shutdown: impl Future,
) -> Result<ShutdownReport, Box<dyn std::error::Error>> {
    let server = Server::builder(transport, Target::topic("exports").server("exports-1"))
        .endpoint(exports)
        .shutdown_timeout(Duration::from_secs(30))
        .build()?;
    Ok(server.run_until(shutdown).await?)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = MemTransport::new();
    let client = ExportsClient::new(transport.clone(), Target::topic("exports"));
    let (started, mut running) = mpsc::unbounded_channel();
    // A service uses `tokio::signal::ctrl_c()`, or its stream of SIGTERM.
    let (signal, shutdown) = oneshot::channel::<()>();

    let ctx = Context::new();
    let (report, (short, long), ()) = tokio::join!(
        biased;
        serve(transport, Exports { started }, shutdown),
        async { tokio::join!(client.export(&ctx, 5), client.export(&ctx, 600)) },
        async {
            while running.recv().await != Some(600) {}
            println!("signal: terminate");
            let _ = signal.send(());
        },
    );
    for result in [short, long] {
        match result {
            Ok(reply) => println!("call: {reply}"),
            Err(CallError::Transport(error)) => {
                println!("call: {:?}, ran: {}", error.kind(), error.ran());
            }
            Err(other) => println!("call: {other}"),
        }
    }
    println!("server: {}", report?);
    match client.export(&ctx, 1).await {
        Err(CallError::Transport(error)) => println!("after shutdown: {:?}", error.kind()),
        other => println!("after shutdown: {other:?}"),
    }
    Ok(())
}
