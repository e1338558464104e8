//! RabbitMQ's limit on how long a message may stay unacknowledged.

use std::time::Duration;

use rpc_core::Context;
use rpc_core::server::AckMode;
use rpc_tests::support::logs::{Logs, ask_each_thread};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, NodeOptions, UrlForm};
use tokio::time::sleep;
use tracing::Level;

use crate::case::{Case, FORMS, QUEUES};

/// Several times the limit.
const METHOD: Duration = Duration::from_secs(12);

async fn node_with_a_short_limit() -> Node {
    let node = Node::start(NodeOptions::default()).await.unwrap();
    // As a setting, RabbitMQ takes no limit below a minute.
    node.eval(
        "begin application:set_env(rabbit, consumer_timeout, 4000), \
         application:set_env(rabbit, channel_tick_interval, 1000) end",
    )
    .await
    .unwrap();
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_takes_longer_than_the_consumer_timeout_costs_no_message_and_begins_once() {
    let node = node_with_a_short_limit().await;
    let cases = FORMS.into_iter().flat_map(|form| QUEUES.map(|queues| (form, queues)));
    let runs = cases.flat_map(|(form, queues)| {
        let modes = [AckMode::Confirmed, AckMode::BeforeInvoke, AckMode::AfterReply];
        modes.map(|mode| run_long(&node, mode, form, queues))
    });
    futures_util::future::join_all(runs).await;
}

async fn run_long(node: &Node, mode: AckMode, form: UrlForm, queues: &str) {
    let case = Case::on(node, &format!("long {mode:?}"), form, queues).await;
    let server = case.serve("one", mode, 1).await;
    let (client, ctx) = (case.client(), Context::new());
    let millis = u64::try_from(METHOD.as_millis()).unwrap();
    let long = tokio::spawn(client.work(&ctx, 0, millis).timeout(METHOD + EVENT_TIMEOUT));
    sleep(Duration::from_millis(100)).await;
    client.work(&ctx, 1, 0).cast().await.unwrap();
    assert_eq!(long.await.unwrap().unwrap(), 0, "{mode:?} {form:?} {queues}");
    case.until_drained().await;
    server.stop();
    server.wait().await.unwrap();
    println!("{mode:?} {form:?} {queues}: {:?}", server.stats());
    case.log.assert_all_begun_once([0, 1]);
}

/// On one thread, whose log is recorded.
#[tokio::test]
async fn a_method_that_takes_half_of_the_consumer_timeout_is_logged_once_in_time() {
    ask_each_thread();
    let logs = Logs::record(Level::WARN);
    for form in FORMS {
        let case = Case::new("warned", form, "consumer_timeout=2").await;
        let mode = AckMode::AfterReply;
        let servers = [case.serve("one", mode, 4).await, case.serve("two", mode, 4).await];
        let warnings = || {
            let warnings = logs.at(Level::WARN).into_iter();
            let ours = warnings.filter(|event| event.says("consumer_timeout"));
            ours.filter(|event| event.fields["method"] == "hold").collect::<Vec<_>>()
        };
        let (client, ctx) = (case.client(), Context::new());
        let earlier = warnings().len();
        let long = tokio::spawn(client.hold(&ctx, 0).into_future());
        until("the method is logged", async || {
            assert_eq!(client.work(&ctx, 1, 0).await.unwrap(), 1);
            warnings().len() > earlier
        })
        .await;
        // The limit passes, and it is not logged again.
        client.work(&ctx, 2, 1500).await.unwrap();
        let warnings = warnings().split_off(earlier);
        let [warning] = warnings.as_slice() else { panic!("{form:?}: {warnings:#?}") };
        assert_eq!(warning.fields["limit"], "2s", "{warning:?}");
        case.log.release();
        assert_eq!(long.await.unwrap().unwrap(), 0);
        for server in servers {
            server.stop();
            server.wait().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_method_whose_message_was_acknowledged_first_may_take_longer() {
    ask_each_thread();
    let logs = Logs::record(Level::WARN);
    for form in FORMS {
        let case = Case::new("acknowledged", form, "consumer_timeout=0.2").await;
        for mode in [AckMode::BeforeInvoke, AckMode::Confirmed, AckMode::AtMostOnce] {
            let server = case.serve("one", mode, 4).await;
            case.client().work(&Context::new(), 0, 400).await.unwrap();
            server.stop();
            server.wait().await.unwrap();
        }
    }
    let logged = logs.at(Level::WARN);
    assert!(logged.iter().all(|event| !event.says("consumer_timeout")), "{logged:#?}");
}
