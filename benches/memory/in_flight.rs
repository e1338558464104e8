//! Memory per call in flight: 10,000 calls that never return, client and server in one process.

use std::task::{self, Waker};

use rpc_benches::{EchoClient, TEXT};
use rpc_core::Context;
use stats_alloc::Region;
use tokio::task::yield_now;

use crate::{ALLOCATOR, held, start};

const CALLS: usize = 10_000;

pub(crate) async fn print() {
    println!("| Each of {CALLS} calls in flight | bytes | blocks |\n|---|---|---|");
    measure("calls of one task", |client| {
        let mut call = Box::pin(hang(client));
        let cx = &mut task::Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(cx).is_pending(), "the call is sent and waits");
        call
    })
    .await;
    measure("calls of a task each", |client| tokio::spawn(hang(client))).await;
    println!();
}

/// Starts the calls, waits until every method runs, and prints how much was allocated since.
async fn measure<C>(title: &str, start_call: impl Fn(EchoClient) -> C) {
    // A server that runs all calls at once: with the default of 64, the others would stay in the queue.
    let (server, client) = start(CALLS).await;
    let before = Region::new(ALLOCATOR);
    let mut calls = Vec::with_capacity(CALLS);
    while calls.len() < CALLS {
        // Fewer at a time than the queue holds, so no sender is blocked.
        calls.extend((0..500).map(|_| start_call(client.clone())));
        while server.stats().in_flight < calls.len() as u64 {
            yield_now().await;
        }
    }
    let (bytes, blocks) = held(&before, CALLS);
    println!("| {title} | {bytes} | {blocks:.1} |");
}

async fn hang(client: EchoClient) {
    let result = client.hang(&Context::new(), TEXT.to_owned(), 0).await;
    unreachable!("the method never returns, but the call did: {result:?}");
}
