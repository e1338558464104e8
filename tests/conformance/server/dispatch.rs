//! From a request to its method: namespaces, order, refusals, access policy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc_core::Ping;
use rpc_core::error::{Ran, RejectReason};
use rpc_core::server::Concurrency;
use rpc_core::{
    CallError, Context, Endpoint, EndpointDescriptor, InvokeFn, Payload, RpcClient, Version,
    endpoint,
};
use tracing::Level;

use crate::conformance::harness::{Logs, TestEnv, cases};

struct Null;

#[endpoint]
impl Null {
    pub fn place(&self, _ctx: &Context) -> String {
        "null".to_owned()
    }

    #[allow(dead_code, reason = "private, and so not to be called from outside")]
    fn private(&self) {}
}

/// An endpoint in the namespace with the empty name, which `#[endpoint]` refuses to make; a Python peer may have one.
struct Empty;

impl Endpoint for Empty {
    type Client = ();

    const DESCRIPTOR: &'static EndpointDescriptor = &EndpointDescriptor {
        name: "Empty",
        namespaces: &[Some("")],
        version: Version::V1_0,
        docs: "",
        methods: Null::DESCRIPTOR.methods,
    };

    const INVOKE: &'static [InvokeFn<Self>] = &[|_, _, args| {
        let place = args.codec().encode("empty").unwrap();
        Box::pin(std::future::ready(Ok(Payload::new(args.codec(), place))))
    }];
}

struct Bank;

#[endpoint(namespace = "bank", version = "1.2")]
impl Bank {
    pub fn place(&self, _ctx: &Context) -> String {
        "bank".to_owned()
    }

    pub fn only_bank(&self, _ctx: &Context) -> String {
        "bank".to_owned()
    }
}

/// Another part of the same namespace, registered behind [`Bank`]: newer, so that it is not hidden.
struct Branch;

#[endpoint(namespace = "bank", version = "1.3")]
impl Branch {
    pub fn place(&self, _ctx: &Context) -> String {
        "branch".to_owned()
    }

    pub fn only_branch(&self, _ctx: &Context) -> String {
        "branch".to_owned()
    }
}

struct Moved;

#[endpoint(namespace = "new", legacy_namespaces = ["old", None])]
impl Moved {
    pub fn place(&self, _ctx: &Context) -> String {
        "moved".to_owned()
    }
}

async fn ask(client: &RpcClient, method: &'static str) -> Result<String, CallError> {
    client.call(&Context::new(), method, &()).await
}

async fn ask_in(env: &TestEnv, namespace: &'static str) -> Result<String, CallError> {
    ask(&env.client_of(env.target().namespace(namespace)), "place").await
}

fn refusal(answer: Result<String, CallError>) -> (RejectReason, String) {
    match answer {
        Err(CallError::Rejected(refused)) => {
            (refused.reason().clone(), refused.message().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

async fn a_request_without_a_namespace_is_for_the_null_namespace(env: TestEnv) {
    env.start(env.server("one").endpoint(Bank).endpoint(Null)).await;
    assert_eq!(ask(&env.client(), "place").await.unwrap(), "null");
}

async fn the_empty_namespace_is_not_the_null_namespace(env: TestEnv) {
    env.start(env.server("one").endpoint(Empty).endpoint(Null)).await;
    assert_eq!(ask(&env.client(), "place").await.unwrap(), "null");
    assert_eq!(ask_in(&env, "").await.unwrap(), "empty");
    env.start(env.server("two").endpoint(Empty)).await;
    let two = env.client_of(env.target().server("two"));
    assert_eq!(refusal(ask(&two, "place").await).0, RejectReason::UnknownNamespace);
}

async fn methods_of_one_name_in_different_namespaces_do_not_meet(env: TestEnv) {
    env.start(env.server("one").endpoint(Null).endpoint(Bank)).await;
    assert_eq!(ask_in(&env, "bank").await.unwrap(), "bank");
    assert_eq!(ask(&env.client(), "place").await.unwrap(), "null");
    let moved: BankClient = env.client();
    assert_eq!(moved.place(&Context::new()).await.unwrap(), "bank");
}

async fn legacy_namespaces_reach_the_endpoint_too(env: TestEnv) {
    env.serve(Moved).await;
    for namespace in ["new", "old"] {
        assert_eq!(ask_in(&env, namespace).await.unwrap(), "moved");
    }
    assert_eq!(ask(&env.client(), "place").await.unwrap(), "moved");
    assert_eq!(refusal(ask_in(&env, "").await).0, RejectReason::UnknownNamespace);
}

async fn a_namespace_set_on_a_typed_client_counts_in_place_of_its_own(env: TestEnv) {
    env.start(env.server("one").endpoint(Moved).endpoint(Bank)).await;
    let client: MovedClient = env.client();
    assert_eq!(client.place(&Context::new()).await.unwrap(), "moved");
    let elsewhere = client.prepare().namespace("bank").build();
    assert_eq!(elsewhere.place(&Context::new()).await.unwrap(), "bank");
    let again = elsewhere.prepare().no_namespace().build();
    assert_eq!(again.place(&Context::new()).await.unwrap(), "moved");
}

async fn endpoints_of_one_namespace_are_merged_and_the_first_answers(env: TestEnv) {
    env.start(env.server("one").endpoint(Bank).endpoint(Branch)).await;
    let client = env.client_of(env.target().namespace("bank"));
    assert_eq!(ask(&client, "place").await.unwrap(), "bank");
    assert_eq!(ask(&client, "only_bank").await.unwrap(), "bank");
    assert_eq!(ask(&client, "only_branch").await.unwrap(), "branch");
}

async fn an_unknown_namespace_is_rejected_as_such(env: TestEnv) {
    env.start(env.server("one").endpoint(Null).endpoint(Bank)).await;
    let (reason, message) = refusal(ask_in(&env, "shop").await);
    assert_eq!(reason, RejectReason::UnknownNamespace);
    assert!(message.contains("`shop`") && message.contains("`place`"), "{message}");
}

async fn an_unsupported_version_is_rejected_with_the_versions_that_are_served(env: TestEnv) {
    env.start(env.server("one").endpoint(Bank).endpoint(Branch)).await;
    let target = env.target().namespace("bank").version(Version::new(2, 0));
    let (reason, message) = refusal(ask(&env.client_of(target), "place").await);
    let supported = vec![Version::new(1, 2), Version::new(1, 3)];
    assert_eq!(reason, RejectReason::UnsupportedVersion { supported });
    for said in ["2.0", "1.2, 1.3", "`bank`", "`place`"] {
        assert!(message.contains(said), "{message}");
    }
}

async fn a_server_replies_to_a_ping_where_it_is_asked_to(env: TestEnv) {
    let builder = env.server("one").endpoint(Ping);
    env.start(builder).await;
    let client: RpcClient = env.client();
    let ping = || client.call::<String>(&Context::new(), "oslo_rpc_server_ping", &());
    assert_eq!(ping().await.unwrap(), "pong");
    let with_arguments = BTreeMap::from([("whatever", 1)]);
    let call = client.call::<String>(&Context::new(), "oslo_rpc_server_ping", &with_arguments);
    assert_eq!(call.await.unwrap(), "pong");
}

async fn an_unknown_method_is_rejected_as_such(env: TestEnv) {
    env.start(env.server("one").endpoint(Bank).endpoint(Branch)).await;
    let client = env.client_of(env.target().namespace("bank"));
    let (reason, message) = refusal(ask(&client, "transfer").await);
    assert_eq!(reason, RejectReason::UnknownMethod);
    assert!(message.contains("`bank`") && message.contains("`transfer`"), "{message}");
    // The namespace knows the method, in a version that the other one does not serve.
    let client = client.prepare().version(Version::new(1, 3)).build();
    assert_eq!(refusal(ask(&client, "only_bank").await).0, RejectReason::UnknownMethod);
}

async fn a_method_that_is_not_public_cannot_be_called(env: TestEnv) {
    env.serve(Null).await;
    assert_eq!(refusal(ask(&env.client(), "private").await).0, RejectReason::UnknownMethod);
}

async fn a_rejected_call_did_not_run_and_is_not_to_be_retried(env: TestEnv) {
    let server = env.serve(Null).await;
    let client: RpcClient = env.client();
    let error = ask(&client, "nothing").await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    assert!(error.to_string().ends_with("(ran: no)"), "{error}");
    assert_eq!(ask(&client, "place").await.unwrap(), "null", "the server goes on");
    assert_eq!(server.stats().rejected, 1);
}

/// Logs what a call of this method logs at the server.
async fn levels(env: &TestEnv, quiet: bool, method: &'static str) -> Vec<Level> {
    let name = if quiet { "quiet" } else { "loud" };
    env.start(env.server(name).endpoint(Null).quiet_unknown_methods(quiet)).await;
    let client = env.client_of(env.target().server(name));
    let logs = Logs::record(Level::DEBUG);
    ask(&client, method).await.unwrap_err();
    let refused = logs.events().into_iter().filter(|event| event.says("request rejected"));
    refused.filter(|event| event.says(method)).map(|event| event.level).collect()
}

async fn an_unknown_method_is_a_warning_unless_it_is_to_be_quiet(env: TestEnv) {
    assert_eq!(levels(&env, false, "nothing").await, [Level::WARN]);
    assert_eq!(levels(&env, false, "nothing_ignore_errors").await, [Level::DEBUG]);
    assert_eq!(levels(&env, true, "nothing").await, [Level::DEBUG]);
}

fn only_the_bank(ctx: &Context, namespace: Option<&str>, method: &str) -> bool {
    let admin = ctx.get("role").and_then(|role| role.as_str()) == Some("admin");
    admin || (namespace == Some("bank") && method != "only_bank")
}

async fn what_the_access_policy_refuses_is_not_there(env: TestEnv) {
    let server = env.server("one").endpoint(Null).endpoint(Bank).access_policy(only_the_bank);
    env.start(server).await;
    let bank = env.client_of(env.target().namespace("bank"));
    assert_eq!(ask(&bank, "place").await.unwrap(), "bank");
    let (hidden, message) = refusal(ask(&bank, "only_bank").await);
    assert_eq!(hidden, RejectReason::UnknownMethod);
    let (unknown, same) = refusal(ask(&bank, "only_bahn").await);
    assert_eq!(unknown, RejectReason::UnknownMethod);
    assert_eq!(message.replace("bank", "?"), same.replace("bank", "?").replace("bahn", "?"));
    assert_eq!(refusal(ask(&env.client(), "place").await).0, RejectReason::UnknownMethod);
}

async fn the_access_policy_sees_who_asks(env: TestEnv) {
    let server = env.server("one").endpoint(Bank).access_policy(only_the_bank);
    env.start(server).await;
    let bank: BankClient = env.client();
    let ctx = Context::new().with("role", "admin");
    assert_eq!(bank.only_bank(&ctx).await.unwrap(), "bank");
    let ctx = Context::new().with("role", "guest");
    assert!(matches!(bank.only_bank(&ctx).await, Err(CallError::Rejected(_))));
}

async fn the_search_goes_on_behind_what_the_access_policy_refuses(env: TestEnv) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let not_the_first =
        move |_: &Context, _: Option<&str>, _: &str| count.fetch_add(1, Ordering::Relaxed) > 0;
    let server = env.server("one").endpoint(Bank).endpoint(Branch).access_policy(not_the_first);
    env.start(server).await;
    assert_eq!(ask_in(&env, "bank").await.unwrap(), "branch");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

async fn an_access_policy_that_panics_gets_the_reply_of_a_panic(env: TestEnv) {
    for concurrency in [Concurrency::default(), Concurrency::Serial] {
        let policy = |_: &Context, _: Option<&str>, method: &str| {
            assert_ne!(method, "only_bank", "the list of names is empty");
            true
        };
        let server =
            env.server("one").endpoint(Bank).access_policy(policy).concurrency(concurrency);
        let server = env.start(server).await;
        let bank: BankClient = env.client();
        let error = bank.only_bank(&Context::new()).await.unwrap_err();
        assert!(matches!(&error, CallError::Remote(remote) if remote.is_panic()), "{error}");
        assert!(!error.to_string().contains("list of names"), "{error}");
        assert_eq!(bank.place(&Context::new()).await.unwrap(), "bank", "the server goes on");
        assert_eq!(server.stats().panics, 1);
        server.stop();
        server.wait().await.unwrap();
    }
}

cases! {
    a_request_without_a_namespace_is_for_the_null_namespace;
    the_empty_namespace_is_not_the_null_namespace;
    methods_of_one_name_in_different_namespaces_do_not_meet;
    legacy_namespaces_reach_the_endpoint_too;
    a_namespace_set_on_a_typed_client_counts_in_place_of_its_own;
    endpoints_of_one_namespace_are_merged_and_the_first_answers;
    an_unknown_namespace_is_rejected_as_such;
    an_unsupported_version_is_rejected_with_the_versions_that_are_served;
    a_server_replies_to_a_ping_where_it_is_asked_to;
    an_unknown_method_is_rejected_as_such;
    a_method_that_is_not_public_cannot_be_called;
    a_rejected_call_did_not_run_and_is_not_to_be_retried;
    an_unknown_method_is_a_warning_unless_it_is_to_be_quiet;
    what_the_access_policy_refuses_is_not_there;
    the_access_policy_sees_who_asks;
    the_search_goes_on_behind_what_the_access_policy_refuses;
    an_access_policy_that_panics_gets_the_reply_of_a_panic;
}
