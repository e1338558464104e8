//! How many connections a transport opens, and that channel errors do not cost any.

use rpc_core::{Context, RpcClient, Target, Transport};
use rpc_tests::support::rabbitmq::UrlForm;

use crate::bank::{
    assert_says, call, proxied, refused_start, serve, shared_with_vhost, transport, try_serve,
};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

#[tokio::test]
async fn what_is_refused_on_a_channel_costs_no_connection() {
    for form in FORMS {
        let vhost = format!("kept {form:?}");
        let node = shared_with_vhost(&vhost).await;
        let (proxy, url) = proxied(node, form, &vhost).await;
        let transport = transport(&url);
        let server = serve(&transport).await;
        let nobody = RpcClient::new(transport.clone(), Target::topic("nobody"));
        for _ in 0..3 {
            let error = nobody.call::<()>(&Context::new(), "m", &()).await.unwrap_err();
            assert!(error.is_missing_server(), "{error:?}");
            let cast = nobody.call::<()>(&Context::new(), "m", &()).cast().await;
            assert!(cast.unwrap_err().is_missing_server());
            let fanout = nobody.call::<()>(&Context::new(), "m", &()).fanout().await;
            assert!(fanout.unwrap_err().is_missing_server());
            call(&transport).await;
        }
        assert_eq!((proxy.links(), proxy.open_links()), (2, 2));
        server.stop();
        server.wait().await.unwrap();
        transport.close().await;
    }
}

#[tokio::test]
async fn a_server_that_cannot_start_leaves_others_of_its_transport_alone() {
    let node = shared_with_vhost("neighbours").await;
    let (proxy, url) = proxied(node, UrlForm::Rabbit, "neighbours").await;
    let transport = transport(&url);
    let server = serve(&transport).await;
    let queue = "rabbit_misc:r(<<\"neighbours\">>, queue, <<\"other\">>)";
    node.eval(format!(
        "element(1, rabbit_amqqueue:declare({queue}, true, true, [], none, <<\"test\">>))"
    ))
    .await
    .unwrap();
    let other = rpc_core::Server::builder(transport.clone(), Target::topic("other").server("one"))
        .endpoint(crate::bank::Bank);
    let error = other.build().unwrap().start().await.unwrap_err();
    assert_says(&error.to_string(), &["`other`", "other properties"]);
    call(&transport).await;
    assert_eq!((proxy.links(), proxy.open_links()), (2, 2));
    server.stop();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn a_host_that_is_down_or_refuses_is_skipped_for_one_that_accepts() {
    let node = shared_with_vhost("several").await;
    let port = node.port();
    for form in FORMS {
        let url = node.url(form, "several");
        for other in ["guest:guest@127.0.0.1:9".to_owned(), format!("guest:wrong@127.0.0.1:{port}")]
        {
            let good = format!("guest:guest@127.0.0.1:{port}");
            for hosts in [format!("{other},{good}"), format!("{good},{other}")] {
                let transport = transport(&url.replace(&good, &hosts));
                let server = serve(&transport).await;
                call(&transport).await;
                server.stop();
                server.wait().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn all_hosts_must_refuse_before_a_call_is_refused() {
    let node = shared_with_vhost("nowhere").await;
    let port = node.port();
    let wrong = format!("guest:wrong@127.0.0.1:{port}");
    let both = transport(&format!("amqp://{wrong},{wrong}/nowhere"));
    assert_says(&refused_start(&both).await, &["password"]);
    // One of them may come.
    let one = transport(&format!("amqp://{wrong},127.0.0.1:9/nowhere"));
    let started = tokio::time::timeout(std::time::Duration::from_secs(1), try_serve(&one)).await;
    assert!(started.is_err(), "{started:?}");
}
