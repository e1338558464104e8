//! Servers that start and stop, and servers in both languages on one topic.

use rpc_core::{Context, Value, endpoint};
use rpc_tests::interop::{InteropEnv, cases};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::python_service::{PeerClient, called, ctx, serve};

async fn a_cast_to_a_stopped_server_waits_for_the_next_one(env: InteropEnv) {
    let (python, client) = called(&env).await;
    python.stop().await.unwrap();
    client.record(&ctx(), "a".into()).cast().await.unwrap();
    client.record(&ctx(), "b".into()).cast().to_server("python").await.unwrap();
    let mut python = serve(&env).await;
    let mut values = [python.ran().await, python.ran().await].map(|ran| ran["value"].clone());
    values.sort_by_key(ToString::to_string);
    assert_eq!(values, ["a", "b"]);
}

async fn a_server_that_comes_back_under_its_name_is_called_as_before(env: InteropEnv) {
    for _ in 0..2 {
        let (python, client) = called(&env).await;
        assert_eq!(client.who(&ctx()).await.unwrap(), "python");
        assert_eq!(client.who(&ctx()).to_server("python").await.unwrap(), "python");
        python.stop().await.unwrap();
    }
}

async fn a_server_that_stops_replies_to_what_it_has_received(env: InteropEnv) {
    let (mut python, client) = called(&env).await;
    let call = tokio::spawn(client.sleep(&ctx(), 1.5).into_future());
    assert_eq!(python.ran().await["method"], "sleep");
    python.stop().await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), 1.5);
}

/// The endpoint of the server in Rust that runs next to the Python server.
pub(crate) struct RustService(pub(crate) mpsc::UnboundedSender<Value>);

#[endpoint]
impl RustService {
    pub fn who(&self, _ctx: &Context) -> String {
        "rust".to_owned()
    }

    pub fn record(&self, _ctx: &Context, value: Value) {
        // The case may have ended without looking.
        let _ = self.0.send(value);
    }
}

async fn a_python_server_and_ours_share_a_topic(env: InteropEnv) {
    let (python, client) = called(&env).await;
    let (seen, _told) = mpsc::unbounded_channel();
    env.serve(RustService(seen)).await;
    let asked = async || {
        let mut calls = JoinSet::new();
        for _ in 0..30 {
            calls.spawn(client.who(&ctx()).into_future());
        }
        let names: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
        let of = |name: &str| names.iter().filter(|who| *who == name).count();
        (of("python"), of("rust"))
    };
    let (by_python, by_rust) = asked().await;
    assert!(by_python > 0 && by_rust > 0 && by_python + by_rust == 30, "{by_python} and {by_rust}");
    python.stop().await.unwrap();
    assert_eq!(asked().await, (0, 30));
}

async fn a_fanout_reaches_the_python_server_and_ours(env: InteropEnv) {
    let (mut python, client): (_, PeerClient) = called(&env).await;
    let (seen, mut told) = mpsc::unbounded_channel();
    env.serve(RustService(seen)).await;
    client.record(&ctx(), "all".into()).fanout().await.unwrap();
    assert_eq!(python.ran().await["value"], "all");
    assert_eq!(told.recv().await.unwrap(), Value::from("all"));
}

cases! {
    a_cast_to_a_stopped_server_waits_for_the_next_one everywhere;
    a_server_that_comes_back_under_its_name_is_called_as_before;
    a_server_that_stops_replies_to_what_it_has_received;
    a_python_server_and_ours_share_a_topic everywhere;
    a_fanout_reaches_the_python_server_and_ours;
}
