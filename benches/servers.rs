//! Options of a call that choose its servers, beside a client that was prepared for them, with 1,000 servers of a topic.
//!
//! `cargo bench -p rpc-benches --bench servers -- [--json] [--rounds N]`

use std::time::Duration;

use rpc_benches::{Bound, Echo, EchoClient, Report, TEXT, Table, take_turns, thread_time};
use rpc_core::{Context, RunningServer, Server, Target};
use rpc_transport_mem::MemTransport;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

const SERVERS: usize = 1_000;
/// The server that is called: in the middle, wherever the search begins.
const NAME: &str = "bench-500";
const MOST: Bound = Bound::AtMost(1.2);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let json = args.iter().any(|arg| arg == "--json");
    let rounds = args.iter().skip_while(|arg| *arg != "--rounds").nth(1);
    let rounds = rounds.map_or(51, |number| number.parse().expect("`--rounds` needs a number"));
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let bench = runtime.block_on(Bench::start());
    let tables = vec![bench.calls(&runtime, rounds), bench.fanouts(&runtime, rounds)];
    println!("{}", Report { tables, json });
}

struct Bench {
    servers: Vec<RunningServer>,
    client: EchoClient,
    prepared: EchoClient,
    prepared_fanout: EchoClient,
}

#[derive(Copy, Clone)]
enum Way {
    Prepared,
    PerCall,
}

impl Bench {
    async fn start() -> Self {
        let transport = MemTransport::new();
        let mut servers = Vec::with_capacity(SERVERS);
        for number in 0..SERVERS {
            let target = Target::topic("bench").server(format!("bench-{number}"));
            let server = Server::builder(transport.clone(), target).endpoint(Echo).build();
            let server = server.expect("the endpoint is sound").start().await;
            servers.push(server.expect("the broker is there"));
        }
        let client = EchoClient::new(transport, Target::topic("bench"));
        let prepared = client.prepare().server(NAME).build();
        let prepared_fanout = client.prepare().fanout(true).build();
        Self { servers, client, prepared, prepared_fanout }
    }

    fn calls(&self, runtime: &Runtime, rounds: usize) -> Table {
        const CALLS: u32 = 500;
        let measure = async |way: Way| {
            let started = thread_time();
            for number in 0..CALLS.into() {
                let (ctx, text) = (Context::new(), TEXT.to_owned());
                let echoed = match way {
                    Way::Prepared => self.prepared.echo(&ctx, text, number).await,
                    Way::PerCall => self.client.echo(&ctx, text, number).to_server(NAME).await,
                };
                assert_eq!(echoed.expect("the server replies").number, number);
            }
            thread_time() - started
        };
        let measure = |way: &Way| nanos(runtime.block_on(measure(*way)), CALLS);
        table("a call to one of 1,000 servers", [PREPARED, TO_SERVER], rounds, measure)
    }

    /// Measures how long it takes to publish a fanout. What the 1,000 servers do with it does not count.
    fn fanouts(&self, runtime: &Runtime, rounds: usize) -> Table {
        const CASTS: u32 = 16;
        let measure = async |way: Way| {
            let received = self.received();
            let started = thread_time();
            for number in 0..CASTS.into() {
                let (ctx, text) = (Context::new(), TEXT.to_owned());
                let cast = match way {
                    Way::Prepared => self.prepared_fanout.echo(&ctx, text, number).cast(),
                    Way::PerCall => self.client.echo(&ctx, text, number).fanout(),
                };
                cast.await.expect("the servers have space");
            }
            let took = thread_time() - started;
            while self.received() < received + u64::from(CASTS) * SERVERS as u64 {
                yield_now().await;
            }
            took
        };
        let measure = |way: &Way| nanos(runtime.block_on(measure(*way)), CASTS);
        table("publishing a fanout to 1,000 servers", [PREPARED, FANOUT], rounds, measure)
    }

    fn received(&self) -> u64 {
        self.servers.iter().map(|server| server.stats().received).sum()
    }
}

const PREPARED: &str = "prepared client";
const TO_SERVER: &str = "`.to_server(…)`";
const FANOUT: &str = "`.fanout()`";

fn table(
    title: &str,
    names: [&'static str; 2],
    rounds: usize,
    measure: impl FnMut(&Way) -> f64,
) -> Table {
    let times = take_turns(&[Way::Prepared, Way::PerCall], rounds, measure);
    let rows = names.into_iter().zip(times).collect();
    Table::new(title.to_owned(), PREPARED, rows).target(names[1], MOST, PREPARED)
}

fn nanos(took: Duration, count: u32) -> f64 {
    took.as_secs_f64() * 1e9 / f64::from(count)
}
