//! Echo round trips of this framework, baselines and peers, in one process and in alternating rounds.
//!
//! `cargo bench -p rpc-benches --bench echo -- [calls] [in-flight] [threads] [payloads] [--json] [--rounds N] [--calls N]`

mod baseline;
mod framework;
mod load;
mod options;
mod peers;
mod setting;

use std::process::ExitCode;

use rpc_benches::{Bound, Report, TEXT, Table, take_turns};

use crate::load::Subject;
use crate::options::Options;
use crate::setting::{Callers, Group, Setting, Threads};

/// The names of the rows that the targets are about.
mod row {
    pub(crate) const BASELINE: &str = "baseline: messagepack + task per call";
    pub(crate) const FRAMEWORK: &str = "rpc-core over mem";
    pub(crate) const IN_PROCESS: &str = "rpc-core in process";
    pub(crate) const TARPC_DUPLEX: &str = "tarpc, duplex + messagepack";
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut tables = Vec::new();
    for group in &options.groups {
        if *group == Group::Payloads {
            keep_freed_memory();
        }
        tables
            .extend(group.settings().into_iter().map(|setting| measure(*group, setting, &options)));
    }
    println!("{}", Report { tables, json: options.json });
    ExitCode::SUCCESS
}

/// Lets the allocator keep what is freed.
///
/// glibc returns large blocks to the system until a block of that size was freed once. Whether that has happened depends
/// on all rows measured so far, and decides whether each call pays for page faults.
fn keep_freed_memory() {
    drop(std::hint::black_box(vec![0_u8; 24 << 20]));
}

fn measure(group: Group, setting: Setting, options: &Options) -> Table {
    let subjects = subjects(group, setting);
    let measure = |subject: &Subject| subject.measure(setting, options);
    let rounds = take_turns(&subjects, setting.rounds(options), measure);
    let rows = subjects.iter().map(|subject| subject.name).zip(rounds).collect();
    let table = Table::new(setting.to_string(), row::BASELINE, rows);
    targets(setting)
        .into_iter()
        .fold(table, |table, (row, bound, base)| table.target(row, bound, base))
}

fn subjects(group: Group, setting: Setting) -> Vec<Subject> {
    let mut subjects = vec![
        Subject::connect(row::BASELINE, setting, baseline::tasks),
        Subject::connect(row::FRAMEWORK, setting, framework::over_mem),
        Subject::connect(row::IN_PROCESS, setting, framework::in_process),
    ];
    if group.has_peers() {
        subjects.extend([
            Subject::connect("mpsc + oneshot", setting, baseline::values),
            Subject::connect("mpsc + oneshot + messagepack", setting, baseline::bytes),
            Subject::connect("tarpc, channel", setting, peers::tarpc_channel),
            Subject::connect(row::TARPC_DUPLEX, setting, peers::tarpc_duplex),
            Subject::connect("jsonrpsee, RpcModule::call", setting, peers::jsonrpsee),
        ]);
    }
    subjects
}

/// Returns the targets of a setting: which ratio of two rows has which bound.
fn targets(setting: Setting) -> Vec<(&'static str, Bound, &'static str)> {
    let Setting { threads, callers, text } = setting;
    let baseline = |row, most| (row, Bound::AtMost(most), row::BASELINE);
    let tarpc = |least| (row::TARPC_DUPLEX, Bound::AtLeast(least), row::FRAMEWORK);
    match (threads, callers) {
        _ if text > TEXT.len() => {
            let large = text >= 16 << 10;
            large.then(|| baseline(row::FRAMEWORK, 1.1)).into_iter().collect()
        }
        (Threads::Current, Callers::Main) => {
            vec![baseline(row::FRAMEWORK, 1.25), baseline(row::IN_PROCESS, 1.3), tarpc(4.0)]
        }
        (Threads::Current, Callers::Tasks(64)) => {
            vec![baseline(row::FRAMEWORK, 1.25), baseline(row::IN_PROCESS, 1.3), tarpc(3.0)]
        }
        (Threads::Current, Callers::Tasks(10_000)) => vec![baseline(row::FRAMEWORK, 1.6)],
        (Threads::Workers(_), _) => vec![baseline(row::FRAMEWORK, 1.4)],
        (Threads::Current, Callers::Tasks(_)) => Vec::new(),
    }
}
