//! Runs cases, each on a thread of its own, and ends those that hang.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use super::{Backend, Case, Clock, TestEnv, panics};
use crate::support::logs;

/// The stack of a case, its servers, clients and decoders: small, so that deep recursion is noticed.
const STACK: usize = 512 * 1024;

/// Returns how often each case runs: what `RPC_CONFORMANCE_ROUNDS` says, by default once.
fn rounds() -> usize {
    let rounds = std::env::var("RPC_CONFORMANCE_ROUNDS").ok();
    rounds.map_or(1, |rounds| rounds.parse().expect("RPC_CONFORMANCE_ROUNDS is a number"))
}

/// The result of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseResult {
    /// The case passed.
    Passed,
    /// The transport does not meet this requirement.
    NotApplicable(&'static str),
    /// The case failed, for this reason.
    Failed(String),
}

/// Returns a trial for each case over one transport.
pub fn trials(backend: impl Backend, cases: &[Case]) -> Vec<Trial> {
    logs::ask_each_thread();
    let (backend, rounds) = (Arc::new(backend), rounds());
    let trial = |&case: &Case| {
        let backend = Arc::clone(&backend);
        let kind = backend.name();
        let again = move || run_case(Arc::clone(&backend) as Arc<dyn Backend>, case);
        let run = move || match repeated(rounds, again) {
            CaseResult::Passed => Ok(Completion::Completed),
            CaseResult::NotApplicable(what) => {
                Ok(Completion::ignored_with(format!("not applicable: the transport lacks {what}")))
            }
            CaseResult::Failed(why) => Err(Failed::from(why)),
        };
        Trial::ignorable_test(case.name, run).with_kind(kind)
    };
    cases.iter().map(trial).collect()
}

/// Runs a case until it does not pass, at most so many times.
fn repeated(rounds: usize, case: impl Fn() -> CaseResult) -> CaseResult {
    let result = (0..rounds).map(|_| case()).find(|result| *result != CaseResult::Passed);
    result.unwrap_or(CaseResult::Passed)
}

/// Runs the trials that the command line selects, and prints how many did not apply.
#[must_use]
pub fn run_trials(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // In real time, cases wait more than they work.
    arguments.test_threads.get_or_insert(16);
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!("{} cases were not applicable and are not counted as passed", conclusion.num_ignored);
    conclusion.exit_code()
}

/// Runs one case for at most the backend's [limit](Backend::limit).
///
/// A case that hangs cannot be stopped: its thread ends with the process.
pub fn run_case(backend: Arc<dyn Backend>, case: Case) -> CaseResult {
    let limit = backend.limit();
    let (send, receive) = mpsc::channel();
    let thread = thread::Builder::new().name(case.name.to_owned()).stack_size(STACK);
    let started = thread.spawn(move || {
        let result = run(&*backend, &case);
        // The receiver is gone if the case took too long.
        let _ = send.send(result);
    });
    if let Err(error) = started {
        return CaseResult::Failed(format!("no thread for the case: {error}"));
    }
    receive.recv_timeout(limit).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => {
            CaseResult::Failed(format!("`{}` hangs: no end after {limit:?}", case.name))
        }
        RecvTimeoutError::Disconnected => {
            CaseResult::Failed("the thread of the case is gone".into())
        }
    })
}

fn run(backend: &dyn Backend, case: &Case) -> CaseResult {
    panics::record_on_this_thread();
    let runtime = match runtime(backend.clock()) {
        Ok(runtime) => runtime,
        Err(error) => return CaseResult::Failed(format!("no runtime for the case: {error}")),
    };
    let run = || runtime.block_on(run_in_env(backend, case));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| CaseResult::Failed(panics::last()))
}

/// Builds a runtime of one thread, so that a case records its whole log, and no other case's.
fn runtime(clock: Clock) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().thread_stack_size(STACK).on_thread_start(panics::record_on_this_thread);
    if clock == Clock::Paused {
        builder.start_paused(true);
    }
    builder.build()
}

async fn run_in_env(backend: &dyn Backend, case: &Case) -> CaseResult {
    let env = TestEnv::new(backend.broker().await, backend.clock(), case.name).await;
    if let Some((why, _)) = case.requirements.iter().find(|(_, has)| !has(&env)) {
        return CaseResult::NotApplicable(why);
    }
    (case.run)(env.clone()).await;
    match env.tear_down().await {
        Ok(()) => CaseResult::Passed,
        Err(why) => CaseResult::Failed(why),
    }
}
