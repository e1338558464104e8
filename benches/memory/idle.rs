//! Memory of a server that waits for its first message.

use rpc_transport_mem::MemTransport;
use stats_alloc::Region;
use tokio::task::yield_now;

use crate::{ALLOCATOR, held, start_server};

const SERVERS: usize = 100;
const TARGET: usize = 5_000;

pub(crate) async fn print() {
    let transport = MemTransport::new();
    let mut servers = Vec::with_capacity(SERVERS + 1);
    // What the topic and the first server share does not count.
    servers.push(start_server(&transport, "bench-0", 64).await);
    let before = Region::new(ALLOCATOR);
    for number in 1..=SERVERS {
        servers.push(start_server(&transport, &format!("bench-{number}"), 64).await);
        // The server's task begins to listen.
        yield_now().await;
    }
    let (bytes, blocks) = held(&before, SERVERS);
    println!("| Idle server | bytes | blocks |\n|---|---|---|");
    println!("| over mem, with one endpoint | {bytes} | {blocks:.1} |\n");
    let verdict = if bytes <= TARGET { "pass" } else { "MISS" };
    println!("{verdict}: an idle server holds at most {TARGET} bytes: {bytes}\n");
}
