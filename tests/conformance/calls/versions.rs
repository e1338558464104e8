//! Which version serves which request, and what a client asks for.

use rpc_core::error::{Ran, RejectReason};
use rpc_core::{CallError, Context, RpcClient, Version, endpoint};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::reporter::{ReporterClient, Reports, serial, stop_all};

struct Five;

#[endpoint(version = "1.5")]
impl Five {
    pub fn version(&self, _ctx: &Context) -> String {
        "1.5".to_owned()
    }
}

struct Ten;

#[endpoint(version = "1.10")]
impl Ten {
    pub fn version(&self, _ctx: &Context) -> String {
        "1.10".to_owned()
    }
}

struct Revised;

#[endpoint(version = "1.2.3")]
impl Revised {
    pub fn version(&self, _ctx: &Context) -> String {
        "1.2.3".to_owned()
    }
}

struct Two;

#[endpoint(version = "2.1")]
impl Two {
    pub fn version(&self, _ctx: &Context) -> String {
        "2.1".to_owned()
    }
}

struct Plain;

#[endpoint]
impl Plain {
    pub fn version(&self, _ctx: &Context) -> String {
        "none".to_owned()
    }
}

/// Returns the reply to a request for this version, or the rejection.
async fn ask(env: &TestEnv, version: &str) -> Result<String, CallError> {
    let target = env.target().version(version.parse().unwrap());
    let client: RpcClient = env.client_of(target);
    client.call(&Context::new(), "version", &()).await
}

async fn served(env: &TestEnv, versions: &[&str], by: &str) {
    for version in versions {
        assert_eq!(ask(env, version).await.unwrap(), by, "{version}");
    }
}

async fn refused(env: &TestEnv, versions: &[&str]) {
    for version in versions {
        match ask(env, version).await {
            Err(CallError::Rejected(refused)) => {
                assert!(
                    matches!(refused.reason(), RejectReason::UnsupportedVersion { .. }),
                    "{refused}"
                );
            }
            other => panic!("{version}: {other:?}"),
        }
    }
}

async fn a_server_takes_its_own_major_up_to_its_own_minor(env: TestEnv) {
    env.serve(Five).await;
    served(&env, &["1.0", "1.3", "1.5"], "1.5").await;
    refused(&env, &["1.6", "2.0", "0.9", "2.5"]).await;
}

async fn versions_are_compared_as_numbers(env: TestEnv) {
    env.serve(Ten).await;
    served(&env, &["1.2", "1.9", "1.10"], "1.10").await;
    refused(&env, &["1.11", "1.100"]).await;
}

async fn a_revision_counts_only_within_its_minor(env: TestEnv) {
    env.serve(Revised).await;
    served(&env, &["1.2", "1.2.3", "1.1.9"], "1.2.3").await;
    refused(&env, &["1.2.4", "1.3"]).await;
}

async fn an_endpoint_and_a_request_without_a_version_have_one_zero(env: TestEnv) {
    env.serve(Plain).await;
    served(&env, &["1.0"], "none").await;
    refused(&env, &["1.1", "2.0", "1.0.1"]).await;
    let client: RpcClient = env.client();
    let answer: String = client.call(&Context::new(), "version", &()).await.unwrap();
    assert_eq!(answer, "none");
}

async fn a_request_without_a_version_is_not_served_by_a_later_major(env: TestEnv) {
    env.serve(Two).await;
    let client: RpcClient = env.client();
    let error = client.call::<String>(&Context::new(), "version", &()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    let supported = vec![Version::new(2, 1)];
    assert_eq!(*refused.reason(), RejectReason::UnsupportedVersion { supported });
}

async fn versions_of_a_namespace_stand_side_by_side(env: TestEnv) {
    env.start(env.server("one").endpoint(Five).endpoint(Two)).await;
    served(&env, &["1.0", "1.5"], "1.5").await;
    served(&env, &["2.0", "2.1"], "2.1").await;
    refused(&env, &["1.6", "2.2", "3.0"]).await;
}

async fn of_two_versions_that_serve_a_request_the_first_registered_does(env: TestEnv) {
    env.start(env.server("one").endpoint(Five).endpoint(Ten)).await;
    served(&env, &["1.0", "1.5"], "1.5").await;
    served(&env, &["1.6", "1.10"], "1.10").await;
}

/// The interface as it grew; what an old server still has is in `Old`.
struct New;

#[endpoint(namespace = "bank", version = "1.4", client = pub(crate) BankClient)]
impl New {
    pub fn balance(&self, _ctx: &Context, #[since("1.2")] currency: Option<String>) -> String {
        format!("new {}", currency.as_deref().unwrap_or("EUR"))
    }

    #[since("1.3")]
    pub fn close(&self, _ctx: &Context, #[since("1.4")] reason: Option<String>) -> bool {
        reason.is_some()
    }
}

struct Old;

#[endpoint(namespace = "bank", version = "1.0")]
impl Old {
    pub fn balance(&self, _ctx: &Context) -> String {
        "old".to_owned()
    }
}

async fn a_typed_client_asks_an_old_server_only_for_what_that_has(env: TestEnv) {
    env.serve(Old).await;
    let bank: BankClient = env.client();
    assert_eq!(bank.balance(&Context::new(), None).await.unwrap(), "old");
    let dated = bank.balance(&Context::new(), Some("USD".into())).await.unwrap_err();
    let since = bank.close(&Context::new(), None).await.unwrap_err();
    for (error, asked) in [(dated, "1.2"), (since, "1.3")] {
        let CallError::Rejected(refused) = &error else { panic!("{error}") };
        assert!(matches!(refused.reason(), RejectReason::UnsupportedVersion { .. }), "{error}");
        assert!(refused.message().contains(&format!("version {asked},")), "{error}");
    }
}

async fn a_typed_client_asks_for_the_highest_version_that_a_call_needs(env: TestEnv) {
    env.serve(New).await;
    let bank: BankClient = env.client();
    let capped = bank.prepare().version_cap(Version::new(1, 3)).build();
    assert_eq!(capped.balance(&Context::new(), Some("USD".into())).await.unwrap(), "new USD");
    assert!(!capped.close(&Context::new(), None).await.unwrap());
    let error = capped.close(&Context::new(), Some("moved".into())).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    let (requested, cap) = (Version::new(1, 4), Version::new(1, 3));
    assert_eq!(*refused.reason(), RejectReason::VersionCap { requested, cap });
    assert!(bank.close(&Context::new(), Some("moved".into())).await.unwrap());
}

async fn a_version_set_on_the_client_counts_in_place_of_the_needed_one(env: TestEnv) {
    env.start(env.server("one").endpoint(Old).endpoint(New)).await;
    let bank: BankClient = env.client();
    assert_eq!(bank.balance(&Context::new(), None).await.unwrap(), "old");
    let newer = bank.prepare().version(Version::new(1, 4)).build();
    assert_eq!(newer.balance(&Context::new(), None).await.unwrap(), "new EUR");
    let again = newer.prepare().no_version().build();
    assert_eq!(again.balance(&Context::new(), None).await.unwrap(), "old");
}

async fn a_version_cap_rejects_what_is_newer_before_it_is_sent(env: TestEnv) {
    let mut seen = Reports::new();
    let server = env.start(serial(&env, "one").endpoint(seen.reporter("one"))).await;
    let client: ReporterClient = env.client();
    let capped = client.prepare().version(Version::new(1, 3)).version_cap(Version::new(1, 2));
    let capped = capped.build();
    let call = capped.tell(&Context::new(), "call".into()).await.unwrap_err();
    let cast = capped.tell(&Context::new(), "cast".into()).cast().await.unwrap_err();
    for error in [call, cast] {
        let CallError::Rejected(refused) = &error else { panic!("{error}") };
        let (requested, cap) = (Version::new(1, 3), Version::new(1, 2));
        assert_eq!(*refused.reason(), RejectReason::VersionCap { requested, cap });
        assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    }
    stop_all([&server]).await;
    assert_eq!((server.stats().received, seen.rest()), (0, vec![]));
}

async fn a_version_cap_sends_what_is_not_newer(env: TestEnv) {
    env.serve(Five).await;
    let client: RpcClient = env.client();
    for (version, cap) in [("1.5", "1.5"), ("1.2", "1.5"), ("1.2", "1.3")] {
        let client = client.prepare().version(version.parse().unwrap());
        let client = client.version_cap(cap.parse().unwrap()).build();
        let answer: String = client.call(&Context::new(), "version", &()).await.unwrap();
        assert_eq!(answer, "1.5", "{version} within {cap}");
    }
}

async fn a_version_cap_rejects_a_request_without_a_version(env: TestEnv) {
    env.serve(Plain).await;
    let client: RpcClient = env.client();
    let capped = client.prepare().version_cap(Version::new(1, 5)).build();
    let error = capped.call::<String>(&Context::new(), "version", &()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    assert!(matches!(refused.reason(), RejectReason::VersionCap { .. }), "{error}");
    let free = capped.prepare().no_version_cap().build();
    assert_eq!(free.call::<String>(&Context::new(), "version", &()).await.unwrap(), "none");
}

async fn can_send_version_asks_the_cap(env: TestEnv) {
    let free: RpcClient = env.client();
    assert!(free.can_send_version(None));
    assert!(free.can_send_version(Some(Version::new(9, 9))));
    let capped = free.prepare().version_cap(Version::new(1, 5)).build();
    assert!(capped.can_send_version(Some(Version::new(1, 5))));
    assert!(!capped.can_send_version(Some(Version::new(1, 6))));
    assert!(!capped.can_send_version(Some(Version::new(2, 0))));
    assert!(!capped.can_send_version(None));
    let versioned = capped.prepare().version(Version::new(1, 4)).build();
    assert!(versioned.can_send_version(None), "the target's own is asked for");
}

async fn what_is_no_version_is_refused_where_it_is_read(_: TestEnv) {
    for text in ["1", "", "1.x", "1.", "one", "1.2.x", "-1.0"] {
        let error = text.parse::<Version>().unwrap_err();
        assert_eq!(error.input(), text);
        assert!(error.to_string().contains("expected major.minor"), "{error}");
    }
}

cases! {
    a_server_takes_its_own_major_up_to_its_own_minor;
    versions_are_compared_as_numbers;
    a_revision_counts_only_within_its_minor;
    an_endpoint_and_a_request_without_a_version_have_one_zero;
    a_request_without_a_version_is_not_served_by_a_later_major;
    versions_of_a_namespace_stand_side_by_side;
    of_two_versions_that_serve_a_request_the_first_registered_does;
    a_typed_client_asks_an_old_server_only_for_what_that_has;
    a_typed_client_asks_for_the_highest_version_that_a_call_needs;
    a_version_set_on_the_client_counts_in_place_of_the_needed_one;
    a_version_cap_rejects_what_is_newer_before_it_is_sent;
    a_version_cap_sends_what_is_not_newer;
    a_version_cap_rejects_a_request_without_a_version;
    can_send_version_asks_the_cap;
    what_is_no_version_is_refused_where_it_is_read;
}
