//! A thousand connections in one process.

use std::fs;
use std::process::Stdio;

use rpc_amqp::{Connection, Options};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::broker::{BULK_TIMEOUT, Broker, in_time, open, within};

/// Names the broker's port for the process that opens the connections. Threads and memory of other tests would disturb it.
const PORT: &str = "RPC_TEST_AMQP_PORT";

const CONNECTIONS: usize = 1000;
const AT_ONCE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_need_no_threads_and_leave_nothing_behind() {
    if let Ok(port) = std::env::var(PORT) {
        return open_and_close_twice(port.parse().unwrap()).await;
    }
    let broker = Broker::shared("thousand").await;
    let name = "many_connections::a_thousand_connections_need_no_threads_and_leave_nothing_behind";
    let process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(PORT, broker.node.port().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = within(2 * BULK_TIMEOUT, "the process ends", process).await.unwrap();
    let (out, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}");
    assert!(output.status.success() && out.contains("1 passed"), "{errors}");
}

async fn open_and_close_twice(port: u16) {
    let before = Usage::now();
    let mut with_connections = Vec::new();
    for _ in 0..2 {
        let connections = open_all(port).await;
        let usage = Usage::now();
        println!(
            "{CONNECTIONS} connections: {} KiB each, {} threads (before: {})",
            usage.memory.saturating_sub(before.memory) / 1024 / CONNECTIONS,
            usage.threads,
            before.threads,
        );
        assert_eq!(usage.threads, before.threads);
        with_connections.push(usage.memory);
        // Those that were opened first live, too.
        for connection in &connections {
            assert!(connection.is_open());
            drop(in_time("a channel", connection.open_channel()).await.unwrap());
        }
        close_all(connections).await;
    }
    let [first, second] = with_connections[..] else { panic!("two rounds") };
    assert!(second < first + first / 2, "{first} bytes the first time, {second} the second");
}

async fn open_all(port: u16) -> Vec<Connection> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS / AT_ONCE {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE {
            opening.spawn(async move {
                let login =
                    rpc_amqp::Login::Plain { user: "guest".into(), password: "guest".into() };
                let options = Options { virtual_host: "thousand".into(), ..Options::new(login) };
                open(port, &options).await.unwrap()
            });
        }
        connections.extend(opening.join_all().await);
    }
    connections
}

async fn close_all(connections: Vec<Connection>) {
    let mut closing = JoinSet::new();
    for connection in connections {
        closing.spawn(async move { connection.close(200, "goodbye").await });
    }
    for closed in within(BULK_TIMEOUT, "all are closed", closing.join_all()).await {
        closed.unwrap();
    }
}

/// What this process uses.
struct Usage {
    threads: usize,
    /// In bytes.
    memory: usize,
}

impl Usage {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let field = |name: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        Self { threads: field("Threads:"), memory: field("VmRSS:") * 1024 }
    }
}
