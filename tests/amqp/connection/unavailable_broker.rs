//! A broker that does not run yet: servers wait for it, and calls wait until their deadline.

use std::time::Duration;

use rpc_core::error::Ran;
use rpc_core::{CallError, Context};
use rpc_tests::support::rabbitmq::{Cut, UrlForm};
use tokio::time::{Instant, timeout};

use crate::bank::{
    EVENT_TIMEOUT, call, client, proxied, shared_with_vhost, transport, try_serve, until,
};

#[tokio::test]
async fn a_server_waits_for_its_broker() {
    let node = shared_with_vhost("late").await;
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let (proxy, url) = proxied(node, form, "late").await;
        proxy.refuse();
        let transport = transport(&url);
        let mut started = Box::pin(try_serve(&transport));
        timeout(Duration::from_secs(1), &mut started).await.unwrap_err();
        proxy.accept();
        let server = timeout(EVENT_TIMEOUT, started).await.unwrap().unwrap();
        call(&transport).await;
        server.stop();
        server.wait().await.unwrap();
        proxy.cut(Cut::Reset);
    }
}

#[tokio::test]
async fn a_call_waits_for_its_broker_until_its_deadline() {
    // Nothing has ever listened on this port.
    for url in ["amqp://127.0.0.1:9/", "rabbit://127.0.0.1:9/"] {
        let transport = transport(url);
        let began = Instant::now();
        let deadline = Duration::from_secs(2);
        let called = client(&transport).balance(&Context::new(), "ada".into()).timeout(deadline);
        let error = called.await.unwrap_err();
        let took = began.elapsed();
        assert!(matches!(error, CallError::Timeout(_)), "{error:?}");
        assert_eq!(error.ran(), Ran::No);
        assert!(took >= deadline && took < deadline * 2, "it took {took:?}");
        until("nobody waits", async || transport.pending_calls() == 0).await;
    }
}
