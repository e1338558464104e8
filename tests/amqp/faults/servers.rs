//! Servers that are killed or lose their connection in the middle of their work.

use std::time::Duration;

use amq_protocol::protocol::{AMQPClass, basic};
use rpc_core::server::AckMode;
use rpc_tests::support::rabbitmq::{Cut, Method, UrlForm};
use tokio::time::timeout;

use crate::delivery_barrier::DeliveryBarrier;
use crate::fault_env::{EVENT_TIMEOUT, FaultEnv, client, proxy, until};
use crate::history::{History, Step};
use crate::killable_server::KillableServer;
use crate::load::Load;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::scenario;
use crate::service::{ServerOptions, serve};

scenario!(every_call_ends_when_a_server_is_killed_in_the_middle_of_its_calls);
scenario!(at_least_once_nothing_is_lost_that_the_broker_confirmed);
scenario!(a_server_that_lost_its_connection_in_the_middle_of_a_method_still_replies);
scenario!(what_came_over_an_old_connection_runs_when_it_comes_back);
scenario!(a_server_that_reconnects_keeps_its_prefetch);

async fn every_call_ends_when_a_server_is_killed_in_the_middle_of_its_calls(
    form: UrlForm,
    seed: u64,
) {
    let env = FaultEnv::shared(form, &format!("server {seed}")).await;
    // What the killed server leaves behind is gone by the end.
    let options = "transient_ttl=2";
    let mut load = Load::begin(env, seed, AckMode::Confirmed, options).await;
    load.promise = Promise::process_killed(AckMode::Confirmed, false);
    for _ in 0..3 {
        let way = proxy(load.env.node).await;
        let url = load.env.url(&way, options);
        let mortal = KillableServer::start(way, url, load.setting("mortal"), &load.history).await;
        load.go_on(200, 900).await;
        load.record_fault("kill");
        mortal.kill();
        load.go_on(100, 500).await;
    }
    load.end().await;
}

async fn at_least_once_nothing_is_lost_that_the_broker_confirmed(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("at least once {seed}")).await;
    let mut load = Load::begin(env, seed, AckMode::AfterReply, "").await;
    for _ in 0..4 {
        load.go_on(200, 900).await;
        let how = load.rng.pick(&[Cut::Finish, Cut::Reset]);
        load.record_fault(format!("cut servers by {how:?}"));
        load.env.servers.cut(how);
    }
    load.end().await;
}

async fn a_server_that_lost_its_connection_in_the_middle_of_a_method_still_replies(
    form: UrlForm,
    seed: u64,
) {
    let pair = Pair::begin(form, &format!("mid-method {seed}"), "").await;
    let Pair { env, history, client, .. } = &pair;
    let call = history.take(client, Step::call(Duration::from_millis(500), EVENT_TIMEOUT));
    let disconnect = async {
        until("the method begins", async || history.begun() == 1).await;
        // Cut before its acknowledgement has arrived, the message would come back, and nobody knows whether it ran.
        until("the broker has the acknowledgement", async || {
            let channels = env.node.channels().await.unwrap();
            channels.iter().all(|it| it.vhost != env.vhost || it.unacknowledged == 0)
        })
        .await;
        env.servers.refuse();
        env.servers.cut(Cut::Reset);
        until("the method is done", async || history.finished() == 1).await;
        env.servers.accept();
    };
    let (told, ()) = tokio::join!(call, disconnect);
    assert_eq!(told.unwrap(), Some(0));
    assert_eq!(pair.server.stats().failed_replies, 0);
    until("it listens again", async || {
        history.take(client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.is_ok()
    })
    .await;
    pair.end().await;
}

async fn what_came_over_an_old_connection_runs_when_it_comes_back(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("old {seed}")).await;
    let history = History::begin();
    let (caller_transport, server_transport) =
        (env.transport(&env.callers, ""), env.transport(&env.servers, ""));
    let barrier = DeliveryBarrier::default();
    let server =
        serve(&barrier.over(server_transport.clone()), ServerOptions::named("one"), &history).await;
    let client = client(&caller_transport);
    let call = history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT));
    let disconnect = async {
        until("the message is delivered", async || barrier.holds_delivery()).await;
        env.servers.refuse();
        env.servers.cut(Cut::Reset);
        timeout(EVENT_TIMEOUT, env.servers.until_open(0)).await.unwrap();
        env.servers.accept();
        // Both of its connections are others by then.
        timeout(EVENT_TIMEOUT, env.servers.until_open(2)).await.unwrap();
        barrier.open();
        until("the failure is counted", async || server.stats().failed_acks == 1).await;
    };
    let (told, ()) = tokio::join!(call, disconnect);
    assert_eq!(told.unwrap(), Some(0));
    let stats = server.stats();
    assert_eq!((history.begun(), stats.redelivered, stats.already_begun), (1, 1, 0));
    server.stop();
    server.wait().await.unwrap();
    drop((client, server, barrier));
    env.close(vec![caller_transport, server_transport]).await;
}

async fn a_server_that_reconnects_keeps_its_prefetch(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("prefetch {seed}")).await;
    let history = History::begin();
    let transport = env.transport(&env.servers, "");
    let acknowledge = AckMode::AfterReply;
    let setting = ServerOptions { acknowledge, tasks: 7, ..ServerOptions::named("one") };
    let server = serve(&transport, setting, &history).await;
    let listening = || links_that_listen(&env.servers.methods(), 7);
    assert_eq!(listening(), 1);
    for times in 2..4 {
        env.servers.cut(Cut::Reset);
        until("it listens again", async || listening() == times).await;
    }
    timeout(EVENT_TIMEOUT, env.servers.until_open(2)).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    drop(server);
    env.close(vec![transport]).await;
}

/// Returns how many links have channels that consume from three queues with this prefetch.
fn links_that_listen(methods: &[Method], prefetch: u16) -> usize {
    let listens = |at: usize| {
        let qos = &methods[at];
        let after = methods[at..].iter();
        let same = after.filter(|it| (it.link, it.channel) == (qos.link, qos.channel));
        let consumed =
            same.filter(|it| matches!(it.class, AMQPClass::Basic(basic::AMQPMethod::Consume(_))));
        consumed.count() == 3
    };
    let limits = |method: &Method| match &method.class {
        AMQPClass::Basic(basic::AMQPMethod::Qos(qos)) => qos.prefetch_count == prefetch,
        _ => false,
    };
    (0..methods.len()).filter(|at| limits(&methods[*at]) && listens(*at)).count()
}
