//! Namespaces and versions.

use rpc_core::{Context, RunningServer, endpoint};
use rpc_tests::interop::{Exception, InteropEnv, cases};
use serde_json::{Value, json};
use std::sync::Arc;

macro_rules! says {
    ($name:ident, $says:literal, $($settings:tt)*) => {
        struct $name;

        #[endpoint($($settings)*)]
        impl $name {
            pub fn which(&self, _ctx: &Context) -> String {
                $says.to_owned()
            }
        }
    };
}

says!(Plain, "plain", version = "1.3");
says!(Old, "control 1.5", namespace = "control", version = "1.5");
says!(New, "control 2.3", namespace = "control", version = "2.3");
says!(Renamed, "renamed", namespace = "renamed", legacy_namespaces = ["former"]);

async fn served(env: &InteropEnv) -> Arc<RunningServer> {
    let server = env.server("rust").endpoint(Plain).endpoint(Old).endpoint(New);
    env.start(server.endpoint(Renamed)).await
}

async fn which(
    env: &InteropEnv,
    namespace: Option<&str>,
    version: Option<&str>,
) -> Result<Value, Exception> {
    let python = env.python().await.target("namespace", namespace).target("version", version);
    python.call("which", json!({})).await
}

async fn namespaces_are_told_apart(env: InteropEnv) {
    served(&env).await;
    assert_eq!(which(&env, None, None).await.unwrap(), "plain");
    assert_eq!(which(&env, Some("control"), None).await.unwrap(), "control 1.5");
    assert_eq!(which(&env, Some("renamed"), None).await.unwrap(), "renamed");
}

async fn the_version_chooses_among_those_of_a_namespace(env: InteropEnv) {
    served(&env).await;
    let versions = [
        ("1.0", "control 1.5"),
        ("1.5", "control 1.5"),
        ("2.0", "control 2.3"),
        ("2.3", "control 2.3"),
    ];
    for (version, says) in versions {
        assert_eq!(which(&env, Some("control"), Some(version)).await.unwrap(), says);
    }
    for version in ["1.6", "2.4", "3.0"] {
        let error = which(&env, Some("control"), Some(version)).await.unwrap_err();
        assert_eq!(error.remote_class(), "UnsupportedVersion", "{version}");
    }
}

async fn a_version_with_a_revision_is_understood(env: InteropEnv) {
    served(&env).await;
    assert_eq!(which(&env, Some("control"), Some("2.2.1")).await.unwrap(), "control 2.3");
}

async fn a_former_namespace_is_still_served(env: InteropEnv) {
    served(&env).await;
    assert_eq!(which(&env, Some("former"), None).await.unwrap(), "renamed");
}

async fn an_empty_namespace_is_another_than_none(env: InteropEnv) {
    served(&env).await;
    let error = which(&env, Some(""), None).await.unwrap_err();
    assert_eq!(error.remote_class(), "UnsupportedVersion");
}

async fn a_version_cap_keeps_calls_from_being_sent(env: InteropEnv) {
    served(&env).await;
    let python = async |version: &str| {
        let python = env.python().await.target("namespace", "control").with("version_cap", "2.1");
        python.target("version", version).call("which", json!({})).await
    };
    assert_eq!(python("2.1").await.unwrap(), "control 2.3");
    let error = python("2.2").await.unwrap_err();
    assert_eq!(error.name(), "oslo_messaging.rpc.client.RPCVersionCapError");
}

async fn a_client_asks_for_its_cap_before_it_calls(env: InteropEnv) {
    served(&env).await;
    let asked = async |version: &str| {
        let python = env.python().await.target("namespace", "control");
        let python = python.with("version_cap", "2.1");
        python.can_send_version(version).await.unwrap()
    };
    assert_eq!((asked("2.0").await, asked("2.2").await), (json!(true), json!(false)));
}

async fn a_prepared_namespace_and_version_are_used(env: InteropEnv) {
    served(&env).await;
    let python = env.python().await;
    let python = python.prepare(json!({ "namespace": "control", "version": "2.1" }));
    assert_eq!(python.call("which", json!({})).await.unwrap(), "control 2.3");
}

cases! {
    namespaces_are_told_apart everywhere;
    the_version_chooses_among_those_of_a_namespace everywhere;
    a_version_with_a_revision_is_understood;
    a_former_namespace_is_still_served;
    an_empty_namespace_is_another_than_none;
    a_version_cap_keeps_calls_from_being_sent everywhere;
    a_client_asks_for_its_cap_before_it_calls;
    a_prepared_namespace_and_version_are_used;
}
