//! Servers that stop gracefully under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::Context;
use rpc_core::server::AckMode;
use rpc_tests::support::rabbitmq::UrlForm;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::case::{Case, FORMS, QUEUES, seeded};
use crate::service::ServiceClient;

const CALLERS: u64 = 4;
const RESTARTS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_restart_gracefully_in_turn_lose_and_double_nothing() {
    for form in FORMS {
        for queues in QUEUES {
            restart_in_turn(form, queues).await;
        }
    }
}

async fn restart_in_turn(form: UrlForm, queues: &str) {
    let (case, mut rng) = (Case::new("restarts", form, queues).await, seeded());
    let mode = AckMode::default();
    let mut servers = [case.serve("one", mode, 64).await, case.serve("two", mode, 64).await];
    let (ending, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, ending) = (case.client(), Arc::clone(&ending));
        callers.spawn(call(client, Arc::clone(&numbers), ending));
    }
    for restart in 0..RESTARTS {
        sleep(rng.between(Duration::from_millis(20), Duration::from_millis(150))).await;
        let (at, name) = if restart % 2 == 0 { (0, "one") } else { (1, "two") };
        servers[at].stop();
        servers[at].wait().await.unwrap();
        servers[at] = case.serve(name, mode, 64).await;
    }
    ending.store(true, Ordering::Relaxed);
    callers.join_all().await;
    case.until_drained().await;
    for server in servers {
        server.stop();
        server.wait().await.unwrap();
    }
    case.log.assert_all_begun_once(0..numbers.load(Ordering::Relaxed));
}

/// Calls and casts. Each must succeed.
async fn call(client: ServiceClient, numbers: Arc<AtomicU64>, ending: Arc<AtomicBool>) {
    let ctx = Context::new();
    while !ending.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(2, Ordering::Relaxed);
        assert_eq!(client.work(&ctx, number, number % 5).await.unwrap(), number);
        client.work(&ctx, number + 1, number % 3).cast().await.unwrap();
    }
}
