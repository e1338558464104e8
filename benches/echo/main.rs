//! Echo round trips of this framework, baselines and peers, in one process and in alternating rounds.
//!
//! `cargo bench -p rpc-benches --bench echo -- [--json] [--rounds N] [--calls N]`

mod baseline;
mod clock;
mod framework;
mod load;
mod options;
mod peers;
mod report;
mod setting;

use std::process::ExitCode;

use crate::load::Subject;
use crate::options::Options;
use crate::report::{Report, Table};
use crate::setting::{SETTINGS, Setting};

/// The names of the rows that the targets are about.
mod row {
    pub(crate) const BASELINE: &str = "baseline: messagepack + task per call";
    pub(crate) const FRAMEWORK: &str = "rpc-core over mem";
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
    let tables = SETTINGS.into_iter().map(|setting| measure(setting, &options)).collect();
    let report = Report { tables };
    match options.json {
        true => println!("{}", report.to_json()),
        false => println!("{report}"),
    }
    ExitCode::SUCCESS
}

fn subjects(setting: Setting) -> Vec<Subject> {
    vec![
        Subject::connect("mpsc + oneshot", setting, baseline::values),
        Subject::connect("mpsc + oneshot + messagepack", setting, baseline::bytes),
        Subject::connect(row::BASELINE, setting, baseline::tasks),
        Subject::connect(row::FRAMEWORK, setting, framework::over_mem),
        Subject::connect("rpc-core in process", setting, framework::in_process),
        Subject::connect("tarpc, channel", setting, peers::tarpc_channel),
        Subject::connect(row::TARPC_DUPLEX, setting, peers::tarpc_duplex),
        Subject::connect("jsonrpsee, RpcModule::call", setting, peers::jsonrpsee),
    ]
}

/// Measures every subject once per round, so that other load on the machine affects all of them. Each round begins with
/// another subject, so none always follows the same one.
fn measure(setting: Setting, options: &Options) -> Table {
    let subjects = subjects(setting);
    for subject in &subjects {
        subject.measure(setting, options.calls);
    }
    let mut rounds = vec![Vec::with_capacity(options.rounds); subjects.len()];
    for round in 0..options.rounds {
        for offset in 0..subjects.len() {
            let at = (round + offset) % subjects.len();
            rounds[at].push(subjects[at].measure(setting, options.calls));
        }
    }
    let rows = subjects.iter().map(|subject| subject.name).zip(rounds).collect();
    Table::new(setting, rows)
}
