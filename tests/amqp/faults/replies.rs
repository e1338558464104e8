//! Reply queues that are deleted, and callers that lose their connection while they wait.

use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use rpc_core::server::AckMode;
use rpc_tests::support::rabbitmq::{Cut, UrlForm};

use crate::fault_env::{EVENT_TIMEOUT, FaultEnv, is_reply_queue, until};
use crate::history::Step;
use crate::load::Load;
use crate::pair::Pair;
use crate::scenario;

scenario!(every_call_ends_when_reply_queues_are_deleted);
scenario!(a_caller_that_reconnects_gets_the_reply_that_came_meanwhile);
scenario!(a_reply_waits_for_its_queue_to_be_made_again);

async fn every_call_ends_when_reply_queues_are_deleted(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("deleted {seed}")).await;
    let mut load = Load::begin(env, seed, AckMode::Confirmed, "").await;
    for _ in 0..4 {
        load.go_on(200, 900).await;
        load.record_fault("reply queues deleted");
        delete_reply_queues(&load.env).await;
    }
    load.end().await;
}

async fn delete_reply_queues(env: &FaultEnv<'_>) {
    let connection = env.connect().await;
    let channel = connection.create_channel().await.unwrap();
    for name in env.transient_queues().await.iter().filter(|name| is_reply_queue(name)) {
        let deleted = channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default());
        deleted.await.unwrap();
    }
    connection.close(200, "".into()).await.unwrap();
}

async fn a_caller_that_reconnects_gets_the_reply_that_came_meanwhile(form: UrlForm, seed: u64) {
    let pair = Pair::begin(form, &format!("meanwhile {seed}"), "").await;
    let Pair { env, history, client, .. } = &pair;
    let call = history.take(client, Step::call(Duration::from_millis(500), EVENT_TIMEOUT));
    let disconnect = async {
        until("the method begins", async || history.begun() == 1).await;
        env.callers.refuse();
        env.callers.cut(Cut::Reset);
        until("the reply waits", async || {
            let queues = env.node.queues(&env.vhost).await.unwrap();
            queues.iter().any(|queue| is_reply_queue(&queue.name) && queue.messages > 0)
        })
        .await;
        assert_eq!(pair.caller_transport.pending_calls(), 1, "the call still waits");
        env.callers.accept();
    };
    let (told, ()) = tokio::join!(call, disconnect);
    assert_eq!(told.unwrap(), Some(0));
    pair.end().await;
}

/// The caller is disconnected for longer than its reply queue lasts, and declares it again when it is back.
async fn a_reply_waits_for_its_queue_to_be_made_again(form: UrlForm, seed: u64) {
    let pair = Pair::begin(form, &format!("again {seed}"), "transient_ttl=1").await;
    let Pair { env, history, client, .. } = &pair;
    // Long enough for the queue to be deleted meanwhile.
    let call = history.take(client, Step::call(Duration::from_secs(2), EVENT_TIMEOUT));
    let disconnect = async {
        until("the method begins", async || history.begun() == 1).await;
        env.callers.refuse();
        env.callers.cut(Cut::Reset);
        delete_reply_queues(env).await;
        assert_eq!(history.finished(), 0, "the reply was deleted with its queue");
        until("the method is done", async || history.finished() == 1).await;
        env.callers.accept();
    };
    let (told, ()) = tokio::join!(call, disconnect);
    assert_eq!(told.unwrap(), Some(0));
    pair.end().await;
}
