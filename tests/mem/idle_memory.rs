//! How much memory a server takes that has received nothing yet.

#![allow(clippy::unwrap_used, unreachable_pub)]

use peak_alloc::PeakAlloc;
use rpc_core::{Context, RunningServer, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::task::yield_now;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SERVERS: usize = 100;

struct Clock;

#[endpoint]
impl Clock {
    pub fn tick(&self, _ctx: &Context) {}
}

async fn start(transport: &MemTransport, name: String) -> RunningServer {
    let server = Server::builder(transport.clone(), Target::topic("clock").server(name));
    let running = server.endpoint(Clock).build().unwrap().start().await.unwrap();
    // Its task begins to listen.
    yield_now().await;
    running
}

/// It is the only test, as all tests of a process share the allocator.
#[tokio::test]
async fn an_idle_server_takes_at_most_5_kb_and_a_busy_one_more_as_it_receives() {
    let transport = MemTransport::new();
    // What the topic and all its servers share does not count.
    let mut servers = vec![start(&transport, "clock".into()).await];
    let before = MEMORY.current_usage();
    for number in 0..SERVERS {
        servers.push(start(&transport, format!("clock-{number}")).await);
    }
    let each = (MEMORY.current_usage() - before) / SERVERS;
    assert!(each <= 5_000, "an idle server takes {each} bytes");

    let clock =
        ClockClient::new(transport, Target::topic("clock")).prepare().server("clock").build();
    let ctx = Context::new();
    let after = async |calls: usize| {
        for _ in 0..calls {
            clock.tick(&ctx).await.unwrap();
        }
        MEMORY.current_usage()
    };
    let few = after(10).await;
    let many = after(2_000).await;
    let full = after(2_000).await;
    // It remembers 1,000 message ids by default.
    assert!(many - few > 16 * 1_000, "{} bytes for the ids", many - few);
    assert!(full <= many, "{} more bytes, although the window is full", full - many);

    for server in servers {
        server.stop();
        server.wait().await.unwrap();
    }
}
