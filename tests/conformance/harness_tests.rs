//! Tests of the conformance harness.

#![allow(unreachable_pub, reason = "`pub` says that a method is remote")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{BoxFuture, Codec, Context, endpoint};
use rpc_tests::conformance::backends::mem::Mem;
use rpc_tests::conformance::harness::{
    Backend, Broker, Case, CaseResult, Clock, TestEnv, run_case,
};

const MEM: Mem = Mem { codec: Codec::MessagePack, clock: Clock::Paused };

/// The `mem` backend with a short timeout of cases.
struct ShortTimeout;

impl Backend for ShortTimeout {
    fn name(&self) -> String {
        MEM.name()
    }

    fn clock(&self) -> Clock {
        MEM.clock()
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(300)
    }

    fn broker(&self) -> BoxFuture<'_, Arc<dyn Broker>> {
        MEM.broker()
    }
}

struct Stuck;

#[endpoint]
impl Stuck {
    pub async fn begin(&self, _ctx: &Context) {
        std::future::pending::<()>().await;
    }

    pub fn touch(&self, _ctx: &Context) {}
}

fn run(backend: impl Backend, case: Case) -> CaseResult {
    run_case(Arc::new(backend), case)
}

macro_rules! case {
    ($name:ident) => {
        Case { name: stringify!($name), requirements: &[], run: |env| Box::pin($name(env)) }
    };
}

#[track_caller]
fn failed(result: CaseResult, why: &str) {
    let CaseResult::Failed(said) = &result else { panic!("{result:?}") };
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_case_that_ends_well_has_passed() {
    async fn all_is_well(env: TestEnv) {
        env.serve(Stuck).await;
        env.client::<StuckClient>().touch(&Context::new()).await.unwrap();
    }
    assert_eq!(run(MEM, case!(all_is_well)), CaseResult::Passed);
}

#[test]
fn a_case_that_panics_has_failed_and_says_where() {
    async fn panics(_: TestEnv) {
        panic!("this is not so");
    }
    failed(run(MEM, case!(panics)), "this is not so");
    failed(run(MEM, case!(panics)), "harness_tests.rs:");
}

#[test]
fn a_case_that_hangs_has_failed_with_its_name() {
    async fn hangs(_: TestEnv) {
        std::future::pending::<()>().await;
    }
    failed(run(ShortTimeout, case!(hangs)), "`hangs` hangs");
}

#[test]
fn a_case_that_does_not_apply_is_not_run_and_has_not_passed() {
    async fn flies(_: TestEnv) {
        panic!("it cannot");
    }
    let case = Case { requirements: &[("wings", |_| false)], ..case!(flies) };
    assert_eq!(run(MEM, case), CaseResult::NotApplicable("wings"));
}

#[test]
fn a_case_that_leaves_a_message_behind_has_failed() {
    async fn leaves_a_message(env: TestEnv) {
        let server = env.server("one").endpoint(Stuck).concurrency(Concurrency::Serial);
        let server = env.start(server.shutdown_timeout(Duration::from_millis(10))).await;
        let client: StuckClient = env.client();
        client.begin(&Context::new()).cast().await.unwrap();
        client.touch(&Context::new()).cast().await.unwrap();
        tokio::task::yield_now().await;
        server.stop();
        server.wait().await.unwrap();
    }
    failed(run(MEM, case!(leaves_a_message)), "queued: 1");
}

#[test]
fn a_case_that_leaves_a_method_running_has_failed() {
    async fn leaves_a_method(env: TestEnv) {
        env.serve(Stuck).await;
        let client: StuckClient = env.client();
        let call = client.begin(&Context::new()).timeout(Duration::from_millis(10));
        call.await.unwrap_err();
    }
    failed(run(MEM, case!(leaves_a_method)), "left methods running");
}
