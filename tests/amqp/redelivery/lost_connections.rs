//! One server whose connections are lost: what waited runs, and what runs is not begun again.

use std::time::Duration;

use rpc_core::Context;
use rpc_core::server::AckMode;
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::UrlForm;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::case::{Case, FORMS, QUEUES, seeded};

const MODES: [AckMode; 4] =
    [AckMode::Confirmed, AckMode::AtMostOnce, AckMode::BeforeInvoke, AckMode::AfterReply];
const RUNNING: u64 = 64;
const WAITING: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_runs_and_waits_runs_once_when_the_broker_closes_all_connections() {
    for (at, mode) in MODES.into_iter().enumerate() {
        for (form, queues) in FORMS.into_iter().zip([QUEUES[at % 2], QUEUES[(at + 1) % 2]]) {
            close_while_some_wait(mode, form, queues).await;
        }
    }
}

async fn close_while_some_wait(mode: AckMode, form: UrlForm, queues: &str) {
    let case = Case::new(&format!("closed {mode:?}"), form, queues).await;
    let server = case.serve("one", mode, 64).await;
    let (client, ctx) = (case.client(), Context::new());
    let mut calls = JoinSet::new();
    for number in 0..RUNNING {
        calls.spawn(client.hold(&ctx, number).timeout(2 * EVENT_TIMEOUT));
    }
    until("all permits are in use", async || case.log.begun() == 64).await;
    for number in RUNNING..RUNNING + WAITING {
        client.work(&ctx, number, 0).cast().await.unwrap();
    }
    case.node.close_connections(&case.vhost).await.unwrap();
    let waiting = if mode == AckMode::AfterReply { RUNNING + WAITING } else { WAITING };
    until("it consumes again", async || {
        let queues = case.node.queues(&case.vhost).await.unwrap();
        queues.iter().any(|it| it.messages as u64 == waiting && it.unacknowledged > 0)
    })
    .await;
    case.log.release();
    for told in calls.join_all().await {
        told.unwrap();
    }
    case.until_drained().await;
    server.stop();
    server.wait().await.unwrap();
    case.log.assert_all_begun_once(0..RUNNING + WAITING);
    let stats = server.stats();
    let came_back = if mode == AckMode::AfterReply { RUNNING } else { 0 };
    assert_eq!((stats.already_begun, stats.duplicates), (came_back, 0), "{mode:?} {stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_connections_are_cut_again_and_again_begins_nothing_twice() {
    for mode in MODES {
        for form in FORMS {
            cut_under_load(mode, form, QUEUES[usize::from(form == UrlForm::Rabbit)]).await;
        }
    }
}

async fn cut_under_load(mode: AckMode, form: UrlForm, queues: &str) {
    let (case, mut rng) = (Case::new(&format!("cut {mode:?}"), form, queues).await, seeded());
    let server = case.serve("one", mode, 16).await;
    let mut casts = JoinSet::new();
    for caster in 0..4 {
        let client = case.client();
        casts.spawn(async move {
            let numbers = (0..1000).map(|number| caster * 1000 + number);
            let mut confirmed = Vec::new();
            for number in numbers {
                if client.work(&Context::new(), number, number % 4).cast().await.is_ok() {
                    confirmed.push(number);
                }
            }
            confirmed
        });
    }
    for _ in 0..8 {
        sleep(rng.between(Duration::from_millis(20), Duration::from_millis(200))).await;
        case.node.close_connections(&case.vhost).await.unwrap();
    }
    let confirmed = casts.join_all().await.concat();
    case.until_drained().await;
    until("no method runs", async || server.stats().in_flight == 0).await;
    server.stop();
    server.wait().await.unwrap();
    let lost_in_doubt = match mode {
        AckMode::AtMostOnce => server.stats().in_doubt as usize,
        _ => 0,
    };
    let begun = case.log.servers();
    let lost = confirmed.iter().filter(|number| !begun.contains_key(number)).count();
    assert!(lost <= lost_in_doubt, "{mode:?}: lost {lost}, in doubt {lost_in_doubt}");
    case.log.assert_all_begun_once([]);
}
