//! Targets: how they are printed and changed, and when they are checked.

use rpc_core::error::RejectReason;
use rpc_core::server::BuildProblem;
use rpc_core::{CallError, Context, RpcClient, Server, Target, TargetChange, Version};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::reporter::{ReporterClient, Reports, serial, stop_all};

fn full() -> Target {
    Target::topic("t")
        .exchange("e")
        .server("s")
        .namespace("n")
        .version(Version::new(1, 2))
        .fanout(true)
        .legacy_namespaces([Some("old"), None])
}

async fn a_target_prints_what_is_set_in_the_original_order(_: TestEnv) {
    let all = "<Target exchange=e, topic=t, namespace=n, version=1.2, server=s, fanout=true>";
    assert_eq!(full().to_string(), all);
    assert_eq!(format!("{:?}", full()), all);
    assert_eq!(Target::topic("t").server("").to_string(), "<Target topic=t>");
    assert_eq!(Target::new().to_string(), "<Target>");
}

async fn replacing_changes_what_is_given_and_keeps_the_rest(_: TestEnv) {
    let changed = full().replace(TargetChange::new().server("s2").fanout(false));
    let wanted = Target::topic("t").exchange("e").server("s2").namespace("n");
    assert_eq!(changed, wanted.version(Version::new(1, 2)));
}

async fn replacing_clears_what_is_cleared_on_purpose(_: TestEnv) {
    let change = TargetChange::new().no_exchange().no_server().no_namespace().no_version();
    assert_eq!(full().replace(change), Target::topic("t").fanout(true));
    assert_eq!(full().replace(TargetChange::new().no_topic()).topic, None);
}

async fn legacy_namespaces_are_not_inherited(_: TestEnv) {
    assert!(full().replace(TargetChange::new()).legacy_namespaces.is_empty());
    let change = TargetChange::new().legacy_namespaces([Some("older")]);
    assert_eq!(full().replace(change).legacy_namespaces, [Some("older".into())]);
}

async fn targets_are_equal_when_all_fields_are(_: TestEnv) {
    assert_eq!(full(), full());
    for change in [
        TargetChange::new().no_exchange(),
        TargetChange::new().topic("other"),
        TargetChange::new().no_server(),
        TargetChange::new().namespace(""),
        TargetChange::new().no_version(),
        TargetChange::new().fanout(false),
        TargetChange::new(),
    ] {
        assert_ne!(full().replace(change.clone()), full(), "{change:?}");
    }
}

async fn a_server_needs_a_topic_and_a_name_that_are_not_empty(env: TestEnv) {
    let seen = Reports::new();
    let problems = |target: Target| {
        let server = Server::builder(env.server_transport(), target).endpoint(seen.reporter("one"));
        server.build().err().map(|error| error.problems().to_vec()).unwrap_or_default()
    };
    assert_eq!(problems(Target::topic("t").server("s")), []);
    assert_eq!(problems(Target::topic("t")), [BuildProblem::MissingServerName]);
    assert_eq!(problems(Target::topic("t").server("")), [BuildProblem::MissingServerName]);
    assert_eq!(problems(Target::new().server("s")), [BuildProblem::MissingTopic]);
    assert_eq!(problems(Target::topic("").server("s")), [BuildProblem::MissingTopic]);
}

async fn a_server_does_not_look_at_namespace_version_and_fanout_of_its_target(env: TestEnv) {
    let seen = Reports::new();
    let target = env.target().namespace("n").version(Version::new(7, 1)).fanout(true);
    let server = Server::builder(env.server_transport(), target.server("one"));
    env.start(server.endpoint(seen.reporter("one"))).await;
    let client: ReporterClient = env.client();
    assert_eq!(client.tell(&Context::new(), "hello".into()).await.unwrap(), "one");
}

async fn a_client_needs_a_topic_when_it_sends_and_not_before(env: TestEnv) {
    for target in [Target::new().server("one"), Target::topic("")] {
        let client: ReporterClient = env.client_of(target);
        let call = client.tell(&Context::new(), "hello".into()).await.unwrap_err();
        let cast = client.tell(&Context::new(), "hello".into()).cast().await.unwrap_err();
        for error in [call, cast] {
            let CallError::Rejected(refused) = &error else { panic!("{error}") };
            assert_eq!(*refused.reason(), RejectReason::InvalidTarget);
            assert!(
                refused.message().starts_with("a topic is required to send: <Target"),
                "{error}"
            );
        }
    }
}

async fn a_call_with_fanout_is_rejected_before_it_is_sent(env: TestEnv) {
    let mut seen = Reports::new();
    let server = env.start(serial(&env, "one").endpoint(seen.reporter("one"))).await;
    let client: ReporterClient = env.client_of(env.target().fanout(true));
    let error = client.tell(&Context::new(), "to all".into()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    assert_eq!(*refused.reason(), RejectReason::InvalidTarget);
    assert!(error.to_string().contains("fanout=true"), "{error}");
    let client: RpcClient = env.client_of(env.target().fanout(true));
    client.call::<()>(&Context::new(), "tell", &()).await.unwrap_err();
    stop_all([&server]).await;
    assert_eq!((server.stats().received, seen.rest()), (0, vec![]));
}

cases! {
    a_target_prints_what_is_set_in_the_original_order;
    replacing_changes_what_is_given_and_keeps_the_rest;
    replacing_clears_what_is_cleared_on_purpose;
    legacy_namespaces_are_not_inherited;
    targets_are_equal_when_all_fields_are;
    a_server_needs_a_topic_and_a_name_that_are_not_empty;
    a_server_does_not_look_at_namespace_version_and_fanout_of_its_target;
    a_client_needs_a_topic_when_it_sends_and_not_before;
    a_call_with_fanout_is_rejected_before_it_is_sent;
}
