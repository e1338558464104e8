//! Random runs over the in-process broker with injected faults, and a check of their histories.
//!
//! A seed decides a run (`plan`). Servers start, stop, crash and come back while 16 callers call, cast, cancel and retry
//! (`run`), over a broker that loses, duplicates, delays and reorders messages. Callers, servers and transports record what
//! happens (`history`, `recording_transport`, `service`). Afterwards the history is grouped by call (`call_history`) and
//! checked against the rules (`rules`).
//!
//! `RPC_FAULT_SEEDS=n` runs the first n seeds, and a proportional number in real time. `RPC_FAULT_SEED=x` runs that seed
//! alone.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod call_history;
mod history;
mod plan;
mod recording_transport;
mod regressions;
mod rules;
mod rules_tests;
mod run;
mod service;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use history::Record;
use plan::{Pace, Plan};
use tokio::runtime::{Builder, Runtime};

/// How many seeds run by default.
const SEEDS: u64 = 1_000;

fn runtime(pace: Pace) -> Runtime {
    match pace {
        Pace::Paused => Builder::new_current_thread().enable_time().start_paused(true).build(),
        Pace::Real => Builder::new_multi_thread().worker_threads(2).enable_time().build(),
    }
    .unwrap()
}

fn play(seed: u64, pace: Pace) -> (Arc<Plan>, Record) {
    let plan = Arc::new(Plan::new(seed, pace));
    let record = runtime(pace).block_on(async { tokio::spawn(run::run(Arc::clone(&plan))).await });
    (plan, record.unwrap())
}

/// Returns what is wrong with a run, and how to repeat it.
fn complaint(seed: u64, pace: Pace, test: &str) -> Option<String> {
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, pace)));
    let again = format!(
        "run it again: RPC_FAULT_SEED={seed} cargo test -p rpc-tests --test mem_faults {test} -- --nocapture"
    );
    let Ok((plan, record)) = played else { return Some(format!("seed {seed} panicked\n{again}")) };
    let broken = rules::broken_rules(&plan, &record);
    if broken.is_empty() {
        return None;
    }
    let last = record.events.len().saturating_sub(400);
    let events = record.events[last..].iter().map(ToString::to_string).collect::<Vec<_>>();
    Some(format!(
        "{plan}dealt: {:?}\nthe last events:\n{}\n\nseed {seed} breaks rules:\n{}\n{again}",
        record.faults,
        events.join("\n"),
        broken.join("\n"),
    ))
}

/// Runs the seeds on a few threads; stops at the first that fails.
fn assert_all_keep_the_rules(seeds: u64, threads: usize, pace: Pace, test: &str) {
    let variable = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let (first, end) = match variable("RPC_FAULT_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, variable("RPC_FAULT_SEEDS").map_or(seeds, |all| all * seeds / SEEDS)),
    };
    let next = AtomicU64::new(first);
    let complaints = Mutex::new(Vec::<String>::new());
    let work = || {
        while complaints.lock().unwrap().is_empty() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let complaint = complaint(seed, pace, test);
            complaints.lock().unwrap().extend(complaint);
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn every_run_keeps_the_rules_whatever_goes_wrong() {
    let test = "every_run_keeps_the_rules_whatever_goes_wrong";
    assert_all_keep_the_rules(SEEDS, 2, Pace::Paused, test);
}

/// Covers races between threads. Such a run mostly waits, so many run side by side.
#[test]
fn every_run_on_two_threads_keeps_the_rules_whatever_goes_wrong() {
    let test = "every_run_on_two_threads_keeps_the_rules_whatever_goes_wrong";
    assert_all_keep_the_rules(24, 24, Pace::Real, test);
}

/// Returns the events of a run without message ids, which differ each time.
fn outline(seed: u64) -> Option<Vec<String>> {
    let (plan, record) = play(seed, Pace::Paused);
    let without_ids = |event: &history::Event| {
        let text = event.to_string();
        text.split([' ', ',']).filter(|word| word.len() != 32).collect::<Vec<_>>().join(" ")
    };
    plan.is_exact().then(|| record.events.iter().map(without_ids).collect())
}

#[test]
fn a_seed_decides_the_whole_run() {
    let runs: Vec<_> = (0..40).filter_map(|seed| Some((seed, outline(seed)?))).collect();
    assert!(runs.len() > 10);
    for (seed, run) in runs {
        assert_eq!(outline(seed), Some(run), "seed {seed} was two different runs");
    }
}
