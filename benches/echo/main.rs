//! Echo round trips: floors, ourselves and peers, in one process and in alternating rounds.
//!
//! `cargo bench -p rpc-benches --bench echo -- [--json] [--rounds N] [--calls N]`

mod clock;
mod drive;
mod floor;
mod options;
mod ours;
mod peers;
mod report;

use std::process::ExitCode;

use crate::drive::{Lane, SETTINGS, Setting};
use crate::options::Options;
use crate::report::{Report, Table};

/// Names of the rows that aims speak of.
mod row {
    pub(crate) const FLOOR: &str = "floor: messagepack + task per call";
    pub(crate) const OURS: &str = "ours over mem";
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

fn lanes(setting: Setting) -> Vec<Lane> {
    vec![
        Lane::open("mpsc + oneshot", setting, floor::values),
        Lane::open("mpsc + oneshot + messagepack", setting, floor::bytes),
        Lane::open(row::FLOOR, setting, floor::tasks),
        Lane::open(row::OURS, setting, ours::over_mem),
        Lane::open("ours in process", setting, ours::in_process),
        Lane::open("tarpc, channel", setting, peers::tarpc_channel),
        Lane::open(row::TARPC_DUPLEX, setting, peers::tarpc_duplex),
        Lane::open("jsonrpsee, RpcModule::call", setting, peers::jsonrpsee),
    ]
}

/// All rows take their turn in each round, so that a noisy neighbour or a hot core meets all of them. Every round begins
/// with another row: none always follows the same one.
fn measure(setting: Setting, options: &Options) -> Table {
    let lanes = lanes(setting);
    for lane in &lanes {
        lane.run(setting, options.calls);
    }
    let mut rounds = vec![Vec::with_capacity(options.rounds); lanes.len()];
    for round in 0..options.rounds {
        for turn in 0..lanes.len() {
            let at = (round + turn) % lanes.len();
            rounds[at].push(lanes[at].run(setting, options.calls));
        }
    }
    let rows = lanes.iter().map(|lane| lane.name).zip(rounds).collect();
    Table::new(setting, rows)
}
