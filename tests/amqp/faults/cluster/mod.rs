//! Nodes of a cluster that are killed, restarted or paused.

pub(crate) mod env;
mod shared_queues;
mod stream_fanout;
mod under_load;
mod unique_queues;

use std::time::Duration;

use rpc_tests::support::logs::Event;
use tracing::Level;

use crate::log::warnings;

/// Within what time after the death of a node everything works again, besides the measured timer lag.
const FAILOVER: Duration = Duration::from_secs(1);

/// Returns the warnings that a queue cannot be reached, without the first ones, which are not of this test.
fn warnings_of(queue: &str, first: usize) -> Vec<String> {
    let warns = |event: &Event| {
        event.fields.get("queue").is_some_and(|it| it == queue) && event.says("cannot reach")
    };
    let warnings = warnings().at(Level::WARN).into_iter().skip(first).filter(warns);
    warnings.map(|event| format!("{:?}", event.fields)).collect()
}

/// Tests of a scenario in both forms, on a cluster that is whole when they begin. They differ in the names of queues and in little
/// else, so one form is enough where time is short.
macro_rules! cluster_scenario {
    ($(#[$attribute:meta])* $name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            $(#[$attribute])*
            async fn amqp() {
                $crate::cluster::env::play(
                    rpc_tests::support::rabbitmq::UrlForm::Amqp,
                    stringify!($name),
                    super::$name,
                )
                .await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "takes long; RPC_TEST_LONG=1 scripts/test runs it"]
            async fn rabbit() {
                $crate::cluster::env::play(
                    rpc_tests::support::rabbitmq::UrlForm::Rabbit,
                    stringify!($name),
                    super::$name,
                )
                .await;
            }
        }
    };
}
use cluster_scenario;
