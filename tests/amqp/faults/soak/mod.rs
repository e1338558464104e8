//! A soak: callers call, cast, fan out and drop calls over classic and quorum queues of a cluster of three nodes, while
//! connections are cut, servers are stopped and killed, and nodes are killed.
//!
//! It runs for about `RPC_SOAK_SECONDS`, 60 by default, and prints what was lost, doubled, in doubt and told wrong, for each cell of
//! the table in `docs/SEMANTICS.md`. What the cell does not allow fails it.

mod round;
mod table;

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rpc_core::server::AckMode;
use rpc_tests::support::rabbitmq::UrlForm;

use self::round::{Fault, Queues, play};
use self::table::Table;
use crate::cluster::env::{self, ClusterEnv};
use crate::load::Load;

/// What the cycles of a soak differ in, in this order. The first one has a minute.
const CYCLES: [(UrlForm, AckMode); 6] = [
    (UrlForm::Amqp, AckMode::Confirmed),
    (UrlForm::Rabbit, AckMode::BeforeInvoke),
    (UrlForm::Amqp, AckMode::AfterReply),
    (UrlForm::Rabbit, AckMode::Confirmed),
    (UrlForm::Amqp, AckMode::BeforeInvoke),
    (UrlForm::Rabbit, AckMode::AfterReply),
];

/// The table of a soak. It is printed in any case, also when the soak fails: straight to standard error, as a test that passes
/// prints nothing otherwise.
struct Report(Mutex<Table>);

impl Drop for Report {
    fn drop(&mut self) {
        let table = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(std::io::stderr(), "\n{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_promised_holds_while_everything_fails_again_and_again() {
    let seconds = std::env::var("RPC_SOAK_SECONDS").map_or(60, |it| it.parse().unwrap());
    let begun = Instant::now();
    let report = Report(Mutex::default());
    for (number, (form, mode)) in CYCLES.into_iter().cycle().enumerate() {
        let name = format!("soak {number}");
        let since = Instant::now();
        env::play(form, &name, async |env| cycle(env, mode, &report.0).await).await;
        if begun.elapsed() + since.elapsed() > Duration::from_secs(seconds) {
            break;
        }
    }
}

/// Has everything fail once, in random order.
async fn cycle(env: ClusterEnv, mode: AckMode, table: &Mutex<Table>) {
    let mut loads =
        [load(&env, mode, Queues::Classic).await, load(&env, mode, Queues::Quorum).await];
    let mut faults = Fault::all(mode);
    loads[0].1.rng.shuffle(&mut faults);
    for fault in faults {
        play(&env, fault, &mut loads).await;
        for (queues, load) in &mut loads {
            let record = load.settle().await;
            println!("{fault:?}, {queues:?}: {}", record.summary());
            table.lock().unwrap().add(fault.name(), queues.name(), &record);
        }
        let broken = table.lock().unwrap().broken().join("\n");
        assert!(broken.is_empty(), "{broken}");
    }
    let [(_, classic), (_, quorum)] = loads;
    tokio::join!(classic.stop(), quorum.stop());
}

/// Starts two servers on queues of one kind, in a virtual host of their own.
async fn load(env: &ClusterEnv, mode: AckMode, queues: Queues) -> (Queues, Load<'_>) {
    let vhost = format!("{} {}", env.vhost, queues.name());
    env.cluster().nodes()[0].create_vhost(&vhost).await.unwrap();
    let options = match queues {
        Queues::Classic => env.durable_option(),
        Queues::Quorum => env.quorum_option(),
    };
    let fault_env = env.fault_env_in(&vhost).await;
    let mut load = Load::prepare(fault_env, env.seed, mode, options);
    load.serve("one").await;
    load.serve("two").await;
    (queues, load)
}
