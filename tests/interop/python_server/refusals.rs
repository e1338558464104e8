//! Namespaces and versions, and calls that never reach a method.

use rpc_core::error::{Ran, RejectReason};
use rpc_core::{CallError, Map, RpcClient, Target, Version};
use rpc_tests::interop::{World, cases};

use crate::python_service::{called, ctx, serve};

async fn which(world: &World, target: Target) -> Result<String, CallError> {
    let client: RpcClient = world.client_of(target);
    client.call(&ctx(), "version", &Map::new()).await
}

async fn refused(world: &World, target: Target) -> RejectReason {
    let error = which(world, target).await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    let CallError::Rejected(refused) = error else { panic!("{error:?}") };
    refused.reason().clone()
}

async fn namespaces_are_told_apart(world: World) {
    let (_python, client) = called(&world).await;
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
    let control = world.target().namespace("control");
    assert_eq!(which(&world, control).await.unwrap(), "control 1.5");
    let renamed = world.target().namespace("renamed");
    assert_eq!(which(&world, renamed).await.unwrap(), "renamed 1.0");
    let former = world.target().namespace("former");
    assert_eq!(which(&world, former).await.unwrap(), "renamed 1.0");
}

async fn the_version_chooses_among_those_of_a_namespace(world: World) {
    let _python = serve(&world).await;
    let control = |version| world.target().namespace("control").version(version);
    for (version, says) in [
        (Version::new(1, 2), "control 1.5"),
        (Version::new(2, 0), "control 2.3"),
        (Version::new(2, 3), "control 2.3"),
    ] {
        assert_eq!(which(&world, control(version)).await.unwrap(), says);
    }
}

async fn an_unsupported_version_is_rejected(world: World) {
    let _python = serve(&world).await;
    for (major, minor) in [(1, 6), (2, 4), (3, 0)] {
        let target = world.target().namespace("control").version(Version::new(major, minor));
        let reason = refused(&world, target).await;
        assert!(matches!(reason, RejectReason::UnsupportedVersion { .. }), "{reason:?}");
    }
}

async fn an_unknown_namespace_is_rejected_as_an_unsupported_version(world: World) {
    let _python = serve(&world).await;
    let reason = refused(&world, world.target().namespace("nowhere")).await;
    assert!(matches!(reason, RejectReason::UnsupportedVersion { .. }), "{reason:?}");
    let reason = refused(&world, world.target().namespace("")).await;
    assert!(matches!(reason, RejectReason::UnsupportedVersion { .. }), "{reason:?}");
}

async fn an_unknown_method_is_rejected(world: World) {
    let _python = serve(&world).await;
    assert_eq!(refused(&world, world.target()).await, RejectReason::UnknownMethod);
    let client: RpcClient = world.client();
    let error = client.call::<()>(&ctx(), "_ran", &Map::new()).await.unwrap_err();
    let CallError::Rejected(hidden) = &error else { panic!("{error:?}") };
    assert_eq!(hidden.reason(), &RejectReason::UnknownMethod);
    assert!(error.to_string().contains("_ran"), "{error}");
}

async fn a_version_cap_keeps_calls_from_being_sent(world: World) {
    let _python = serve(&world).await;
    let client: RpcClient = world.client_of(world.target().namespace("control"));
    let capped =
        client.prepare().version_cap(Version::new(2, 1)).version(Version::new(2, 2)).build();
    let error = capped.call::<String>(&ctx(), "version", &Map::new()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error:?}") };
    assert!(matches!(refused.reason(), RejectReason::VersionCap { .. }), "{error:?}");
    let within = capped.prepare().version(Version::new(2, 1)).build();
    let says: String = within.call(&ctx(), "version", &Map::new()).await.unwrap();
    assert_eq!(says, "control 2.3");
}

async fn casts_that_python_refuses_do_not_disturb_others(world: World) {
    let (mut python, client) = called(&world).await;
    let old: crate::python_service::PeerClient =
        world.client_of(world.target().version(Version::new(9, 0)));
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
