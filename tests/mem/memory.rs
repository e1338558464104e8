//! How much memory a large message takes, from its caller to its method and back.

#![allow(clippy::unwrap_used, unreachable_pub)]

use peak_alloc::PeakAlloc;
use rpc_core::{Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

struct Mirror;

#[endpoint]
impl Mirror {
    pub fn text(&self, _ctx: &Context, value: String) -> String {
        value
    }

    pub fn numbers(&self, _ctx: &Context, value: Vec<u32>) -> Vec<u32> {
        value
    }
}

/// Returns the peak of memory in use, beyond what was in use before.
async fn peak_of(work: impl Future<Output = ()>) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    work.await;
    MEMORY.peak_usage() - before
}

/// It is the only test, as all tests of a process share the allocator.
#[tokio::test]
async fn a_large_message_is_in_memory_at_most_twice_beside_the_users_own_values() {
    let transport = MemTransport::new();
    let server = Server::builder(transport.clone(), Target::topic("mirror").server("one"))
        .endpoint(Mirror)
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    let mirror = MirrorClient::new(transport, Target::topic("mirror"));
    let ctx = Context::new();
    mirror.text(&ctx, "warm".into()).await.unwrap();
    let slack = MIB / 4;

    // At any time one `String` is alive: the caller's, the method's, or the one that comes back.
    let size = 8 * MIB;
    let peak = peak_of(async {
        let echoed = mirror.text(&ctx, "x".repeat(size)).await.unwrap();
        assert_eq!(echoed.len(), size);
    });
    let peak = peak.await;
    assert!(peak <= 3 * size + slack, "{peak} bytes for a message of {size}");

    // Five bytes each on the wire, four in the vector, which may have room for as many again.
    let count = 2 * MIB;
    let (wire, own) = (5 * count, 4 * count);
    let peak = peak_of(async {
        let numbers = vec![u32::MAX; count];
        assert_eq!(mirror.numbers(&ctx, numbers).await.unwrap().len(), count);
    });
    let peak = peak.await;
    assert!(peak <= 2 * wire + 3 * own + slack, "{peak} bytes for a message of {wire}");

    server.stop();
    server.wait().await.unwrap();
}
