//! The exchanges, queues and bindings that are declared.

use lapin::protocol::{AMQPClass, basic, exchange, queue};
use rpc_core::{Context, RpcClient, Target};
use rpc_tests::support::rabbitmq::{Cut, Method, OPTION_WHERE_REFUSED, UrlForm, with_options};

use crate::bank::{
    assert_says, call, client, permissive_with_vhost, proxied_to, refused_start, round_trip, serve,
    shared_with_vhost, transport, until,
};
use crate::protocol_rules;

/// Returns the methods that a server and a client send while they make every kind of call and lose their connections once.
async fn recorded(vhost: &str, form: UrlForm, options: &str) -> Vec<Method> {
    let node = permissive_with_vhost(vhost).await;
    let url = with_options(&node.url_without_options(form, vhost), options);
    let (proxy, url) = proxied_to(node, &url).await;
    let (serving, calling) = (transport(&url), transport(&url));
    let server = serve(&serving).await;
    for cut in [true, false] {
        call(&calling).await;
        let ctx = Context::new();
        let bank = client(&calling);
        bank.balance(&ctx, "ada".into()).to_server("one").await.unwrap();
        bank.balance(&ctx, "ada".into()).cast().await.unwrap();
        bank.balance(&ctx, "ada".into()).fanout().await.unwrap();
        bank.balance(&ctx, "ada".into()).to_server("two").await.unwrap_err();
        let nobody = RpcClient::new(calling.clone(), Target::topic("nobody"));
        nobody.call::<()>(&ctx, "m", &()).cast().await.unwrap_err();
        if cut {
            let links = proxy.links();
            proxy.cut(Cut::Reset);
            until("they are back", async || proxy.links() >= links + 4 && proxy.open_links() == 4)
                .await;
            until("the server listens again", async || {
                bank.balance(&ctx, "ada".into()).to_server("one").await.is_ok()
            })
            .await;
        }
    }
    server.stop();
    server.wait().await.unwrap();
    for transport in [serving, calling] {
        rpc_core::Transport::close(&transport).await;
    }
    proxy.methods()
}

#[tokio::test]
async fn what_is_declared_and_sent_is_accepted_by_new_brokers_too() {
    let runs = [
        (UrlForm::Amqp, ""),
        (UrlForm::Amqp, "quorum=true"),
        (UrlForm::Rabbit, "amqp_durable_queues=true"),
        (UrlForm::Rabbit, "rabbit_quorum_queue=true"),
        (UrlForm::Rabbit, "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true"),
    ];
    for (number, (form, options)) in runs.into_iter().enumerate() {
        let methods = recorded(&format!("rules {number}"), form, options).await;
        let sent = |wanted: fn(&AMQPClass) -> bool| {
            methods.iter().filter(|method| wanted(&method.class)).count()
        };
        use basic::AMQPMethod::{Consume, Publish};
        assert!(sent(|class| matches!(class, AMQPClass::Basic(Publish(_)))) >= 10);
        assert!(sent(|class| matches!(class, AMQPClass::Basic(Consume(_)))) >= 8);
        let broken = protocol_rules::broken(&methods);
        assert!(broken.is_empty(), "{form:?} {options}: {broken:#?}");
    }
}

/// They are Python's defaults, which a topic must keep if some of its servers may be Python programs.
#[tokio::test]
async fn without_options_only_the_shared_queues_are_refused_by_new_brokers() {
    let broken = protocol_rules::broken(&recorded("rules of old", UrlForm::Rabbit, "").await);
    assert!(!broken.is_empty());
    for complaint in broken {
        assert!(
            complaint.starts_with("a queue that is neither durable nor exclusive"),
            "{complaint}"
        );
        assert!(
            ["\"bank\"", "\"bank.one\""].iter().any(|name| complaint.contains(name)),
            "{complaint}"
        );
    }
}

/// Run it with `RPC_RABBITMQ_REFUSE_TRANSIENT=1`, too: then the broker is one that refuses them.
#[tokio::test]
async fn the_oslo_form_needs_an_option_only_where_the_broker_refuses_transient_queues() {
    let runs = [
        ("refused native", UrlForm::Amqp, "", false),
        ("refused oslo", UrlForm::Rabbit, "", true),
        ("refused oslo durable", UrlForm::Rabbit, OPTION_WHERE_REFUSED, false),
        ("refused oslo quorum", UrlForm::Rabbit, "rabbit_quorum_queue=true", false),
    ];
    for (vhost, form, options, transient) in runs {
        let node = shared_with_vhost(vhost).await;
        let url = with_options(&node.url_without_options(form, vhost), options);
        if transient && node.refuses_transient() {
            let text = refused_start(&transport(&url)).await;
            assert_says(
                &text,
                &["could not start", "bank", "durable or quorum queues only", "URL"],
            );
        } else {
            round_trip(&url).await;
        }
    }
}

/// Describes what a server declares, binds and consumes, one line each.
fn told(methods: &[Method]) -> Vec<String> {
    let told = methods.iter().filter_map(|method| match &method.class {
        AMQPClass::Exchange(exchange::AMQPMethod::Declare(it)) => Some(format!(
            "exchange {} {} durable={} auto_delete={} {:?}",
            it.exchange,
            it.kind,
            it.durable,
            it.auto_delete,
            it.arguments.inner()
        )),
        AMQPClass::Queue(queue::AMQPMethod::Declare(it)) => Some(format!(
            "queue {} durable={} exclusive={} auto_delete={} {:?}",
            it.queue,
            it.durable,
            it.exclusive,
            it.auto_delete,
            it.arguments.inner()
        )),
        AMQPClass::Queue(queue::AMQPMethod::Bind(it)) => {
            Some(format!("bind {} {} {}", it.queue, it.exchange, it.routing_key))
        }
        AMQPClass::Basic(basic::AMQPMethod::Consume(it)) => {
            // What is behind the dot makes the tag the only one of its connection.
            let tag = it.consumer_tag.as_str().split('.').next().unwrap_or_default();
            Some(format!("consume {} {tag}", it.queue))
        }
        _ => None,
    });
    // The name and the properties of the fanout queue are chosen by the server, as in Python.
    let own = |line: &String| line.contains("queue bank_fanout_") || line.contains("reply_");
    let told = told.filter(|line| !own(line)).map(|line| match line.split_once("bank_fanout_") {
        Some((before, after)) => format!("{before}bank_fanout_…{}", &after[32..]),
        None => line,
    });
    told.collect()
}

#[tokio::test]
async fn without_options_a_server_declares_what_a_python_server_does() {
    let node = permissive_with_vhost("as in python").await;
    let url = node.url_without_options(UrlForm::Rabbit, "as in python");
    let (proxy, url) = proxied_to(node, &url).await;
    let transport = transport(&url);
    let server = serve(&transport).await;
    let told = told(&proxy.methods());
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(
        told,
        [
            "exchange openstack topic durable=false auto_delete=false {}",
            "queue bank durable=false exclusive=false auto_delete=false {}",
            "bind bank openstack bank",
            "exchange openstack topic durable=false auto_delete=false {}",
            "queue bank.one durable=false exclusive=false auto_delete=false {}",
            "bind bank.one openstack bank.one",
            "exchange bank_fanout fanout durable=false auto_delete=true {}",
            "bind bank_fanout_… bank_fanout bank",
            "consume bank 1",
            "consume bank.one 2",
            "consume bank_fanout_… 3",
        ]
    );
}

/// The broker may still deliver to a channel that it has closed when its id is used again.
#[tokio::test]
async fn no_two_consumers_of_a_connection_have_one_tag() {
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let vhost = format!("tags {form:?}");
        let node = shared_with_vhost(&vhost).await;
        let (proxy, url) = proxied_to(node, &node.url(form, &vhost)).await;
        let transport = transport(&url);
        let servers = [serve(&transport).await, serve(&transport).await];
        call(&transport).await;
        let consumers = || {
            let consumer = |method: Method| match method.class {
                AMQPClass::Basic(basic::AMQPMethod::Consume(it)) => {
                    Some((method.link, it.consumer_tag.to_string()))
                }
                _ => None,
            };
            proxy.methods().into_iter().filter_map(consumer).collect::<Vec<_>>()
        };
        // Three of each server, and the one of replies.
        assert_eq!(consumers().len(), 7);
        for queue in node.queues(&vhost).await.unwrap() {
            let queue = format!("rabbit_misc:r(<<\"{vhost}\">>, queue, <<\"{}\">>)", queue.name);
            let queue = format!("element(2, rabbit_amqqueue:lookup({queue}))");
            node.eval(format!("rabbit_amqqueue:delete({queue}, false, false, <<\"test\">>)"))
                .await
                .unwrap();
        }
        until("all consume again", async || consumers().len() >= 14).await;
        let mut all = consumers();
        all.sort();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
        for server in servers {
            server.stop();
            server.wait().await.unwrap();
        }
    }
}
