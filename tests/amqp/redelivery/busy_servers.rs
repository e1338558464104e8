//! Messages that wait at a busy server while another one is free.

use rpc_core::Context;
use rpc_core::server::AckMode;
use rpc_tests::support::poll::until;
use rpc_tests::support::rabbitmq::UrlForm;

use crate::case::{Case, FORMS, QUEUES};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_at_a_busy_server_runs_once_at_a_free_one() {
    for mode in [AckMode::Confirmed, AckMode::BeforeInvoke] {
        for form in FORMS {
            for queues in QUEUES {
                wait_at_a_busy_server(mode, form, queues).await;
            }
        }
    }
}

async fn wait_at_a_busy_server(mode: AckMode, form: UrlForm, queues: &str) {
    let case = Case::new(&format!("busy {mode:?}"), form, queues).await;
    // Its prefetch is far from full.
    let busy = case.serve("busy", mode, 8).await;
    let (client, ctx) = (case.client(), Context::new());
    for number in 0..8 {
        client.hold(&ctx, number).cast().await.unwrap();
    }
    until("it is busy", async || case.log.begun() == 8).await;
    for number in 8..11 {
        client.work(&ctx, number, 0).cast().await.unwrap();
    }
    let free = case.serve("free", mode, 8).await;
    until("what waits runs at the other one", async || case.log.begun() == 11).await;
    for number in 11..31 {
        client.work(&ctx, number, 0).cast().await.unwrap();
    }
    until("later messages, too", async || case.log.begun() == 31).await;
    let servers = case.log.servers();
    assert!((8..31).all(|number| servers[&number] == ["free"]), "{servers:?}");
    case.log.release();
    free.stop();
    free.wait().await.unwrap();
    until("the methods end", async || case.log.finished() == 31).await;
    assert_eq!(client.work(&ctx, 31, 0).await.unwrap(), 31);
    case.until_drained().await;
    busy.stop();
    busy.wait().await.unwrap();
    case.log.assert_all_begun_once(0..32);
    assert!(free.stats().redelivered >= 3, "{:?}", free.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_busy_gets_messages_again_like_the_others() {
    for form in FORMS {
        let case = Case::new("again", form, "").await;
        let busy = case.serve("busy", AckMode::default(), 1).await;
        let (client, ctx) = (case.client(), Context::new());
        client.hold(&ctx, 0).cast().await.unwrap();
        until("it is busy", async || case.log.begun() == 1).await;
        client.work(&ctx, 1, 0).cast().await.unwrap();
        let free = case.serve("free", AckMode::default(), 1).await;
        until("what waits runs at the other one", async || case.log.begun() == 2).await;
        case.log.release();
        let mut number = 2;
        until("it serves again", async || {
            client.work(&ctx, number, 0).await.unwrap();
            number += 1;
            case.log.servers()[&(number - 1)] == ["busy"]
        })
        .await;
        for server in [busy, free] {
            server.stop();
            server.wait().await.unwrap();
        }
        case.log.assert_all_begun_once(0..number);
    }
}
