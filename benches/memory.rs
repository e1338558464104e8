//! Memory per call in flight: 10,000 calls that never return, client and server in one process.

use std::alloc::System;
use std::task::{self, Waker};

use rpc_benches::{Echo, EchoClient, TEXT};
use rpc_core::server::Concurrency;
use rpc_core::{Context, RunningServer, Server, Target};
use rpc_transport_mem::MemTransport;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;
use tokio::task::yield_now;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 10_000;

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        measure("calls of one task", |client| {
            let mut call = Box::pin(hang(client));
            let cx = &mut task::Context::from_waker(Waker::noop());
            assert!(call.as_mut().poll(cx).is_pending(), "the call is sent and waits");
            call
        })
        .await;
        measure("calls of a task each", |client| tokio::spawn(hang(client))).await;
    });
}

/// Starts the calls, waits until every method runs, and prints how much was allocated since.
async fn measure<C>(title: &str, start_call: impl Fn(EchoClient) -> C) {
    let (server, client) = start().await;
    let before = Region::new(ALLOCATOR);
    let mut calls = Vec::with_capacity(CALLS);
    while calls.len() < CALLS {
        // Fewer at a time than the queue holds, so no sender is blocked.
        calls.extend((0..500).map(|_| start_call(client.clone())));
        while server.stats().in_flight < calls.len() as u64 {
            yield_now().await;
        }
    }
    let now = before.change();
    let bytes = (now.bytes_allocated - now.bytes_deallocated) / CALLS;
    let blocks = (now.allocations - now.deallocations) as f64 / CALLS as f64;
    println!("{title}: {bytes} bytes in {blocks:.1} blocks for each of {CALLS}");
}

async fn hang(client: EchoClient) {
    let result = client.hang(&Context::new(), TEXT.to_owned(), 0).await;
    unreachable!("the method never returns, but the call did: {result:?}");
}

/// Starts a server that runs all calls at once: with the default of 64, the others would stay in the queue.
async fn start() -> (RunningServer, EchoClient) {
    let transport = MemTransport::new();
    let server = Server::builder(transport.clone(), Target::topic("bench").server("bench-1"))
        .endpoint(Echo)
        .concurrency(Concurrency::Limit(CALLS))
        .build()
        .expect("the endpoint is sound")
        .start()
        .await
        .expect("the broker is there");
    (server, EchoClient::new(transport, Target::topic("bench")))
}
