//! Memory: of a server that waits, of each call in flight, and what one call allocates.
//!
//! `cargo bench -p rpc-benches --bench memory`

mod idle;
mod in_flight;
mod per_call;

use std::alloc::System;

use rpc_benches::{Echo, EchoClient};
use rpc_core::server::Concurrency;
use rpc_core::{RunningServer, Server, Target};
use rpc_transport_mem::MemTransport;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        idle::print().await;
        in_flight::print().await;
        per_call::print().await;
    });
}

/// Starts a server, and a client that calls it.
async fn start(concurrency: usize) -> (RunningServer, EchoClient) {
    let transport = MemTransport::new();
    let server = start_server(&transport, "bench-1", concurrency).await;
    (server, EchoClient::new(transport, Target::topic("bench")))
}

async fn start_server(transport: &MemTransport, name: &str, concurrency: usize) -> RunningServer {
    Server::builder(transport.clone(), Target::topic("bench").server(name.to_owned()))
        .endpoint(Echo)
        .concurrency(Concurrency::Limit(concurrency))
        .build()
        .expect("the endpoint is sound")
        .start()
        .await
        .expect("the broker is there")
}

/// Returns the bytes and the blocks that are held since a region began, divided by `count`.
fn held(since: &Region<'_, System>, count: usize) -> (usize, f64) {
    let Stats { bytes_allocated, bytes_deallocated, allocations, deallocations, .. } =
        since.change();
    let bytes = (bytes_allocated - bytes_deallocated) / count;
    (bytes, (allocations - deallocations) as f64 / count as f64)
}
