//! What retries, serializers and a chosen server add to the allocations of a call.

#![allow(clippy::unwrap_used, unreachable_pub)]

use std::alloc::System;

use rpc_core::serializer::Serializer;
use rpc_core::{Context, Retry, Server, Target, endpoint, to_value};
use rpc_transport_mem::MemTransport;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1 << 20;

struct Counter;

#[endpoint]
impl Counter {
    pub fn length(&self, _ctx: &Context, text: String) -> usize {
        text.len()
    }

    pub fn count(&self, _ctx: &Context, words: Vec<String>) -> usize {
        words.len()
    }
}

/// Changes nothing.
struct Identity;

impl Serializer for Identity {}

/// Returns the least that one of five rounds allocates: caches and windows grow in some of them.
async fn allocated_by<T>(work: impl AsyncFn() -> T) -> Stats {
    let mut least: Option<Stats> = None;
    for _ in 0..5 {
        let region = Region::new(ALLOCATOR);
        drop(work().await);
        let stats = region.change();
        least = Some(least.filter(|it| it.allocations <= stats.allocations).unwrap_or(stats));
    }
    least.unwrap()
}

/// It is the only test, as all tests of a process share the allocator.
#[tokio::test]
async fn retries_serializers_and_a_chosen_server_copy_nothing_more() {
    let transport = MemTransport::new();
    let server = Server::builder(transport.clone(), Target::topic("counter").server("one"))
        .endpoint(Counter)
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    let counter = CounterClient::new(transport, Target::topic("counter"));
    let ctx = Context::new();

    // A retry policy: the arguments are not copied as long as no attempt has failed.
    let retrying = counter.prepare().retry(Retry::times(3)).build();
    let text = "x".repeat(MIB);
    let bytes_of = async |client: &CounterClient| {
        let call = async || client.length(&ctx, text.clone()).await.unwrap();
        allocated_by(call).await.bytes_allocated
    };
    let (plain, with_retries) = (bytes_of(&counter).await, bytes_of(&retrying).await);
    assert!(with_retries < plain + MIB / 16, "{with_retries} bytes instead of {plain}");

    // A serializer: its values exist once, however many they are.
    let words: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
    let tree = allocated_by(async || to_value(&words).unwrap()).await.allocations;
    let serializing = counter.prepare().serializer(Identity).build();
    let encode = async |client: &CounterClient| {
        let call = async || client.count(&ctx, words.clone());
        allocated_by(call).await.allocations
    };
    let (plain, serialized) = (encode(&counter).await, encode(&serializing).await);
    let limit = plain + tree + tree / 2;
    assert!(serialized < limit, "{serialized} allocations instead of {plain}, {tree} for a tree");

    // A server that the call chooses: as a client that was prepared for it.
    let prepared = counter.prepare().server("one").build();
    let chosen = async || counter.count(&ctx, vec![]).to_server("one").await.unwrap();
    let before = async || prepared.count(&ctx, vec![]).await.unwrap();
    let (chosen, before) = (allocated_by(chosen).await, allocated_by(before).await);
    assert_eq!(chosen.allocations, before.allocations);

    server.stop();
    server.wait().await.unwrap();
}
