//! Namespaces and versions, and calls that never reach a method.

use rpc_core::error::{Ran, RejectReason};
use rpc_core::{CallError, Map, RpcClient, Target, Version};
use rpc_tests::interop::{InteropEnv, cases};

use crate::python_service::{called, ctx, serve};

async fn which(env: &InteropEnv, target: Target) -> Result<String, CallError> {
    let client: RpcClient = env.client_of(target);
    client.call(&ctx(), "version", &Map::new()).await
}

async fn refused(env: &InteropEnv, target: Target) -> RejectReason {
    let error = which(env, target).await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    let CallError::Rejected(refused) = error else { panic!("{error:?}") };
    refused.reason().clone()
}

async fn namespaces_are_told_apart(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
    let control = env.target().namespace("control");
    assert_eq!(which(&env, control).await.unwrap(), "control 1.5");
    let renamed = env.target().namespace("renamed");
    assert_eq!(which(&env, renamed).await.unwrap(), "renamed 1.0");
    let former = env.target().namespace("former");
    assert_eq!(which(&env, former).await.unwrap(), "renamed 1.0");
}

async fn the_version_chooses_among_those_of_a_namespace(env: InteropEnv) {
    let _python = serve(&env).await;
    let control = |version| env.target().namespace("control").version(version);
    for (version, says) in [
        (Version::new(1, 2), "control 1.5"),
        (Version::new(2, 0), "control 2.3"),
        (Version::new(2, 3), "control 2.3"),
    ] {
        assert_eq!(which(&env, control(version)).await.unwrap(), says);
    }
}

async fn an_unsupported_version_is_rejected(env: InteropEnv) {
    let _python = serve(&env).await;
    for (major, minor) in [(1, 6), (2, 4), (3, 0)] {
        let target = env.target().namespace("control").version(Version::new(major, minor));
        let reason = refused(&env, target).await;
        assert!(matches!(reason, RejectReason::UnsupportedVersion { .. }), "{reason:?}");
    }
}

async fn an_unknown_namespace_is_rejected_as_an_unsupported_version(env: InteropEnv) {
    let _python = serve(&env).await;
    let reason = refused(&env, env.target().namespace("nowhere")).await;
    assert!(matches!(reason, RejectReason::UnsupportedVersion { .. }), "{reason:?}");
    let reason = refused(&env, env.target().namespace("")).await;
    assert!(matches!(reason, RejectReason::UnsupportedVersion { .. }), "{reason:?}");
}

async fn an_unknown_method_is_rejected(env: InteropEnv) {
    let _python = serve(&env).await;
    assert_eq!(refused(&env, env.target()).await, RejectReason::UnknownMethod);
    let client: RpcClient = env.client();
    let error = client.call::<()>(&ctx(), "_ran", &Map::new()).await.unwrap_err();
    let CallError::Rejected(hidden) = &error else { panic!("{error:?}") };
    assert_eq!(hidden.reason(), &RejectReason::UnknownMethod);
    assert!(error.to_string().contains("_ran"), "{error}");
}

async fn a_version_cap_keeps_calls_from_being_sent(env: InteropEnv) {
    let _python = serve(&env).await;
    let client: RpcClient = env.client_of(env.target().namespace("control"));
    let capped =
        client.prepare().version_cap(Version::new(2, 1)).version(Version::new(2, 2)).build();
    let error = capped.call::<String>(&ctx(), "version", &Map::new()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error:?}") };
    assert!(matches!(refused.reason(), RejectReason::VersionCap { .. }), "{error:?}");
    let within = capped.prepare().version(Version::new(2, 1)).build();
    let says: String = within.call(&ctx(), "version", &Map::new()).await.unwrap();
    assert_eq!(says, "control 2.3");
}

async fn casts_that_python_refuses_do_not_disturb_others(env: InteropEnv) {
    let (mut python, client) = called(&env).await;
    let old: crate::python_service::PeerClient =
        env.client_of(env.target().version(Version::new(9, 0)));
    old.record(&ctx(), "never".into()).cast().await.unwrap();
    client.record(&ctx(), "fine".into()).cast().await.unwrap();
    assert_eq!(python.ran().await["value"], "fine");
}

cases! {
    namespaces_are_told_apart everywhere;
    the_version_chooses_among_those_of_a_namespace everywhere;
    an_unsupported_version_is_rejected everywhere;
    an_unknown_namespace_is_rejected_as_an_unsupported_version;
    an_unknown_method_is_rejected everywhere;
    a_version_cap_keeps_calls_from_being_sent;
    casts_that_python_refuses_do_not_disturb_others;
}
