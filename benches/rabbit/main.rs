//! Echo calls of this framework, baselines and a peer, over one private RabbitMQ broker, in alternating rounds.
//!
//! `cargo bench -p rpc-benches --features rabbitmq --bench rabbit -- [--check] [--rounds N] [--sample-time MILLISECONDS]`

mod confirmed;
mod direct_reply_to;
mod framework;
mod load;
mod options;
mod payload;
mod pending_calls;
mod python;
mod report;

use std::process::ExitCode;

use rpc_core::server::AckMode;
use rpc_tests::interop::interpreter;
use rpc_tests::support::rabbitmq::{Node, NodeOptions, UrlForm};
use tokio::runtime::Builder;

use crate::confirmed::Connections;
use crate::load::{Sample, Subject, on_runtime};
use crate::options::Options;
use crate::python::Python;
use crate::report::{Report, Table};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// The names of the rows, in the order of the tables.
mod row {
    pub(crate) const TWO_CONNECTIONS: &str = "lapin, same guarantees, 2 connections a side";
    pub(crate) const ONE_CONNECTION: &str = "lapin, same guarantees, 1 connection a side";
    pub(crate) const DIRECT_REPLY_TO: &str = "lapin, direct reply-to, no guarantees";
    pub(crate) const AMQP: &str = "rpc-core, amqp://";
    pub(crate) const AMQP_CONFIRMED: &str = "rpc-core, amqp://, confirmed acknowledgements";
    pub(crate) const RABBIT: &str = "rpc-core, rabbit://";
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

/// Returns false if a target is missed and `--check` is given.
fn run() -> Fallible<bool> {
    let options = Options::parse(std::env::args().skip(1))?;
    let report = measure(&options)?;
    println!("{report}");
    Ok(!options.check || report.all_met())
}

fn measure(options: &Options) -> Fallible<Report> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let node = runtime.block_on(Node::start(NodeOptions::default()))?;
    let (mut subjects, missing) = subjects(&node)?;
    let one = measure_with(1, &mut subjects, options)?;
    let many = measure_with(64, &mut subjects, options)?;
    Ok(Report { one, many, missing })
}

/// Measures every subject once per round, so that other load on the machine affects all of them. Each round begins with
/// another subject, so none always follows the same one.
fn measure_with(in_flight: usize, subjects: &mut Subjects, options: &Options) -> Fallible<Table> {
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); subjects.len()];
    for (_, subject) in subjects.iter_mut() {
        subject.measure(in_flight, options.sample_time)?;
    }
    for round in 0..options.rounds {
        for offset in 0..subjects.len() {
            let at = (round + offset) % subjects.len();
            samples[at].push(subjects[at].1.measure(in_flight, options.sample_time)?);
        }
    }
    Ok(Table::new(in_flight, subjects.iter().map(|(name, _)| *name).zip(samples).collect()))
}

type Subjects = Vec<(&'static str, Box<dyn Subject>)>;

/// Starts all subjects. Returns them, and why Python is missing if it is.
fn subjects(node: &Node) -> Fallible<(Subjects, Option<String>)> {
    let amqp = node.url(UrlForm::Amqp, "/");
    let rabbit = node.url(UrlForm::Rabbit, "/");
    let mut subjects: Subjects = vec![
        (row::TWO_CONNECTIONS, on_runtime(confirmed::connect(&amqp, Connections::Two))?),
        (row::ONE_CONNECTION, on_runtime(confirmed::connect(&amqp, Connections::One))?),
        (row::DIRECT_REPLY_TO, on_runtime(direct_reply_to::connect(&amqp))?),
        (row::AMQP, on_runtime(framework::connect(&amqp, AckMode::BeforeInvoke))?),
        (row::AMQP_CONFIRMED, on_runtime(framework::connect(&amqp, AckMode::Confirmed))?),
        (row::RABBIT, on_runtime(framework::connect(&rabbit, AckMode::BeforeInvoke))?),
    ];
    let missing = match interpreter("18.3.1") {
        Ok(interpreter) => {
            subjects.push((row::PYTHON, Box::new(Python::start(&interpreter, &rabbit)?)));
            None
        }
        Err(why) => Some(why.to_string()),
    };
    Ok((subjects, missing))
}
