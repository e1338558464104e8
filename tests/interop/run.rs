//! Runs cases on one broker and one set of Python processes.

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::peers::Peers;
use super::{Case, InteropEnv, VERSIONS};
use crate::support::rabbitmq::NodeOptions;

/// How long a case may run before it counts as hanging, including the start of the broker and of the peers.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs the cases with the newest release of oslo.messaging, and those that are for all of them with the others too. Where the
/// broker refuses transient queues, cases that need them are ignored.
///
/// # Panics
///
/// Panics if there is no thread to run them on.
#[must_use]
pub fn run(cases: &[Case]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Cases wait more than they work.
    arguments.test_threads.get_or_insert(8);
    let runtime = Arc::new(Builder::new_multi_thread().enable_all().build().unwrap());
    let mut trials = Vec::new();
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let peers = Arc::new(Peers::new(version));
        let of_this = cases.iter().filter(|case| index == 0 || case.everywhere);
        trials.extend(of_this.map(|case| trial(*case, &peers, &runtime)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(case: Case, peers: &Arc<Peers>, runtime: &Arc<Runtime>) -> Trial {
    let version = peers.version();
    let (peers, runtime) = (Arc::clone(peers), Arc::clone(runtime));
    let run = move || {
        let run_in_env = async move {
            let env = InteropEnv::new(case.name, peers).await;
            (case.run)(env.clone()).await;
            env.tear_down().await;
        };
        let watched = async { timeout(CASE_TIMEOUT, tokio::spawn(run_in_env)).await };
        match runtime.block_on(watched) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => resume_unwind(error.into_panic()),
            Err(_) => Err(Failed::from(format!("hangs: no end after {CASE_TIMEOUT:?}"))),
        }
    };
    let ignored = NodeOptions::default().refuse_transient && !case.durable;
    Trial::test(case.name, run).with_kind(version).with_ignored_flag(ignored)
}
