//! The results, as tables and as JSON.

use std::fmt;

use serde_json::json;

use crate::row;
use crate::setting::{Callers, Setting, Threads};

pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
}

/// The rows of one setting.
pub(crate) struct Table {
    setting: Setting,
    rows: Vec<Row>,
    targets: Vec<Target>,
}

struct Row {
    name: &'static str,
    /// Nanoseconds per call, the median of all rounds.
    ns: f64,
    /// The time relative to the baseline in the same round, as quartiles over all rounds.
    ratio: [f64; 3],
}

struct Target {
    text: String,
    measured: f64,
    met: bool,
}

impl Table {
    /// Creates a table from rows with a time per round.
    pub(crate) fn new(setting: Setting, rows: Vec<(&'static str, Vec<f64>)>) -> Self {
        let times = |name| -> &[f64] {
            let found = rows.iter().find(|(row, _)| *row == name);
            found.map(|(_, times)| &**times).expect("the row is measured in every setting")
        };
        let (baseline, framework) = (times(row::BASELINE), times(row::FRAMEWORK));
        let tarpc = ratios(times(row::TARPC_DUPLEX), framework)[1];
        let targets = targets(setting, ratios(framework, baseline)[1], tarpc);
        let rows = rows.iter().map(|(name, times)| Row {
            name,
            ns: quartiles(times.clone())[1],
            ratio: ratios(times, baseline),
        });
        Self { setting, rows: rows.collect(), targets }
    }
}

/// Returns the targets of a setting: 1 call from `main` and 64 from tasks have some. With two threads, where tasks are
/// scheduled matters more than what they do.
fn targets(setting: Setting, times_baseline: f64, tarpc_times_framework: f64) -> Vec<Target> {
    let (max, min) = match (setting.threads, setting.callers) {
        (Threads::Current, Callers::Main) => (1.3, 4.0),
        (Threads::Current, Callers::Tasks(64)) => (1.5, 3.0),
        _ => return Vec::new(),
    };
    vec![
        Target {
            text: format!("{} at most {max} x the baseline", row::FRAMEWORK),
            measured: times_baseline,
            met: times_baseline <= max,
        },
        Target {
            text: format!("{} at least {min} x {}", row::TARPC_DUPLEX, row::FRAMEWORK),
            measured: tarpc_times_framework,
            met: tarpc_times_framework >= min,
        },
    ]
}

/// Returns the quartiles of the ratios within each round. What slows down a whole round has no effect.
fn ratios(times: &[f64], base: &[f64]) -> [f64; 3] {
    quartiles(times.iter().zip(base).map(|(time, base)| time / base).collect())
}

fn quartiles(mut samples: Vec<f64>) -> [f64; 3] {
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    [last / 4, last / 2, last - last / 4].map(|at| samples[at])
}

impl Report {
    pub(crate) fn to_json(&self) -> serde_json::Value {
        self.tables.iter().map(Table::to_json).collect()
    }
}

impl Table {
    fn to_json(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|row| {
            let [low, median, high] = row.ratio;
            json!({
                "row": row.name,
                "ns_per_call": row.ns,
                "times_baseline": { "lower_quartile": low, "median": median, "upper_quartile": high },
            })
        });
        let targets = self.targets.iter().map(|target| {
            json!({ "target": target.text, "measured": target.measured, "met": target.met })
        });
        json!({
            "threads": self.setting.threads.to_string(),
            "callers": self.setting.callers.to_string(),
            "in_flight": self.setting.callers.count(),
            "rows": rows.collect::<Vec<_>>(),
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|table| writeln!(f, "{table}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("{}, {}", self.setting.threads, self.setting.callers);
        writeln!(f, "{title:<38} {:>9} {:>10}   quartiles", "ns/call", "x baseline")?;
        for Row { name, ns, ratio: [low, median, high] } in &self.rows {
            writeln!(f, "{name:<38} {ns:>9.0} {median:>10.2}   {low:.2}-{high:.2}")?;
        }
        for Target { text, measured, met } in &self.targets {
            let verdict = if *met { "pass" } else { "MISS" };
            writeln!(f, "{verdict}: {text}: {measured:.2}")?;
        }
        Ok(())
    }
}
