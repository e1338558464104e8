//! Running cases: each on a thread of its own, watched from another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use super::{Case, Clock, Fixture, World, panics};
use crate::support::logs;

/// All that a case runs, servers and clients and decoders, makes do with this.
const STACK: usize = 512 * 1024;

/// How often each case runs; once unless `RPC_CONFORMANCE_ROUNDS` says otherwise.
fn rounds() -> usize {
    let rounds = std::env::var("RPC_CONFORMANCE_ROUNDS").ok();
    rounds.map_or(1, |rounds| rounds.parse().expect("RPC_CONFORMANCE_ROUNDS is a number"))
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It showed what it is there to show.
    Passed,
    /// The transport lacks this.
    NotApplicable(&'static str),
    /// It did not, and why.
    Failed(String),
}

/// The cases over one transport.
pub fn trials(fixture: impl Fixture, cases: &[Case]) -> Vec<Trial> {
    logs::ask_each_thread();
    let (fixture, rounds) = (Arc::new(fixture), rounds());
    let trial = |&case: &Case| {
        let fixture = Arc::clone(&fixture);
        let kind = fixture.name();
        let again = move || watched(Arc::clone(&fixture) as Arc<dyn Fixture>, case);
        let run = move || match repeated(rounds, again) {
            Ended::Passed => Ok(Completion::Completed),
            Ended::NotApplicable(what) => {
                Ok(Completion::ignored_with(format!("not applicable: the transport lacks {what}")))
            }
            Ended::Failed(why) => Err(Failed::from(why)),
        };
        Trial::ignorable_test(case.name, run).with_kind(kind)
    };
    cases.iter().map(trial).collect()
}

/// Runs a case until it does not pass, at most so many times.
fn repeated(rounds: usize, case: impl Fn() -> Ended) -> Ended {
    let ended = (0..rounds).map(|_| case()).find(|ended| *ended != Ended::Passed);
    ended.unwrap_or(Ended::Passed)
}

/// Runs the trials, as the command line asks, and says how many did not apply.
#[must_use]
pub fn conclude(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // In real time, cases wait more than they work.
    arguments.test_threads.get_or_insert(16);
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!("{} cases were not applicable and are not counted as passed", conclusion.num_ignored);
    conclusion.exit_code()
}

/// Runs one case, for at most the fixture's [limit](Fixture::limit).
///
/// A case that hangs cannot be stopped, only left behind: its thread ends with the process.
pub fn watched(fixture: Arc<dyn Fixture>, case: Case) -> Ended {
    let limit = fixture.limit();
    let (send, receive) = mpsc::channel();
    let thread = thread::Builder::new().name(case.name.to_owned()).stack_size(STACK);
    let started = thread.spawn(move || {
        let ended = run(&*fixture, &case);
        // Nobody listens any more when the case took too long.
        let _ = send.send(ended);
    });
    if let Err(error) = started {
        return Ended::Failed(format!("no thread for the case: {error}"));
    }
    receive.recv_timeout(limit).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => {
            Ended::Failed(format!("`{}` hangs: no end after {limit:?}", case.name))
        }
        RecvTimeoutError::Disconnected => Ended::Failed("the thread of the case is gone".into()),
    })
}

fn run(fixture: &dyn Fixture, case: &Case) -> Ended {
    panics::record_on_this_thread();
    let runtime = match runtime(fixture.clock()) {
        Ok(runtime) => runtime,
        Err(error) => return Ended::Failed(format!("no runtime for the case: {error}")),
    };
    let run = || runtime.block_on(in_a_world(fixture, case));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Ended::Failed(panics::last()))
}

/// One thread, so that what a case records of the log is all of it, and nobody else's.
fn runtime(clock: Clock) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().thread_stack_size(STACK).on_thread_start(panics::record_on_this_thread);
    if clock == Clock::Paused {
        builder.start_paused(true);
    }
    builder.build()
}

async fn in_a_world(fixture: &dyn Fixture, case: &Case) -> Ended {
    let world = World::new(fixture.broker().await, fixture.clock(), case.name).await;
    if let Some((why, _)) = case.needs.iter().find(|(_, has)| !has(&world)) {
        return Ended::NotApplicable(why);
    }
    (case.run)(world.clone()).await;
    match world.leave().await {
        Ok(()) => Ended::Passed,
        Err(why) => Ended::Failed(why),
    }
}
