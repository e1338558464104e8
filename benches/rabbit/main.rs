//! Echo calls over RabbitMQ: floors, a peer and ourselves, against one private broker, in alternating rounds.
//!
//! `cargo bench -p rpc-benches --features rabbitmq --bench rabbit -- [--check] [--rounds N] [--turn MILLISECONDS]`

mod direct;
mod drive;
mod options;
mod ours;
mod payload;
mod python;
mod raw;
mod report;
mod waiting;

use std::process::ExitCode;

use rpc_tests::interop::interpreter;
use rpc_tests::support::rabbitmq::{Node, NodeOptions, UrlForm};
use tokio::runtime::Builder;

use crate::drive::{Contestant, Turn, on_runtime};
use crate::options::Options;
use crate::python::Python;
use crate::raw::Connections;
use crate::report::{Report, Table};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// The rows, in the order in which they are shown.
mod row {
    pub(crate) const TWO: &str = "raw lapin, same work, 2 connections a side";
    pub(crate) const ONE: &str = "raw lapin, same work, 1 connection a side";
    pub(crate) const DIRECT: &str = "raw lapin, direct reply-to, nothing else";
    pub(crate) const NATIVE: &str = "ours, amqp://";
    pub(crate) const OSLO: &str = "ours, rabbit://";
    pub(crate) const PYTHON: &str = "Python, oslo.messaging 18.3.1";
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// False: an aim is missed, and that is to count.
fn run() -> Fallible<bool> {
    let options = Options::parse(std::env::args().skip(1))?;
    let report = measure(&options)?;
    println!("{report}");
    Ok(!options.check || report.all_met())
}

fn measure(options: &Options) -> Fallible<Report> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let node = runtime.block_on(Node::start(NodeOptions::default()))?;
    let (mut rows, missing) = contestants(&node)?;
    let one = measure_with(1, &mut rows, options)?;
    let many = measure_with(64, &mut rows, options)?;
    Ok(Report { one, many, missing })
}

/// All rows take their turn in each round, so that a noisy neighbour or a hot core meets all of them. Every round begins
/// with another row: none always follows the same one.
fn measure_with(in_flight: usize, rows: &mut Rows, options: &Options) -> Fallible<Table> {
    let mut turns: Vec<Vec<Turn>> = vec![Vec::new(); rows.len()];
    for (_, contestant) in rows.iter_mut() {
        contestant.turn(in_flight, options.turn)?;
    }
    for round in 0..options.rounds {
        for turn in 0..rows.len() {
            let at = (round + turn) % rows.len();
            turns[at].push(rows[at].1.turn(in_flight, options.turn)?);
        }
    }
    Ok(Table::new(in_flight, rows.iter().map(|(name, _)| *name).zip(turns).collect()))
}

type Rows = Vec<(&'static str, Box<dyn Contestant>)>;

/// All that can take part, and why one cannot.
fn contestants(node: &Node) -> Fallible<(Rows, Option<String>)> {
    let amqp = node.url(UrlForm::Amqp, "/");
    let oslo = node.url(UrlForm::Rabbit, "/");
    let mut rows: Rows = vec![
        (row::TWO, on_runtime(raw::connect(&amqp, Connections::Two))?),
        (row::ONE, on_runtime(raw::connect(&amqp, Connections::One))?),
        (row::DIRECT, on_runtime(direct::connect(&amqp))?),
        (row::NATIVE, on_runtime(ours::connect(&amqp))?),
        (row::OSLO, on_runtime(ours::connect(&oslo))?),
    ];
    let missing = match interpreter("18.3.1") {
        Ok(interpreter) => {
            rows.push((row::PYTHON, Box::new(Python::start(&interpreter, &oslo)?)));
            None
        }
        Err(why) => Some(why.to_string()),
    };
    Ok((rows, missing))
}
