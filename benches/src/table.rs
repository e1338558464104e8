//! The results, as tables in Markdown and as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::rounds::{quartiles, ratios};

/// Several tables.
#[derive(Debug)]
pub struct Report {
    /// The tables, in the order in which they are printed.
    pub tables: Vec<Table>,
    /// Whether to print JSON.
    pub json: bool,
}

/// The rows of one setting, each with a time per round.
#[derive(Debug)]
pub struct Table {
    title: String,
    baseline: &'static str,
    rows: Vec<(&'static str, Vec<f64>)>,
    targets: Vec<Target>,
}

/// A bound of the ratio between two rows.
#[derive(Debug, Copy, Clone)]
pub enum Bound {
    /// The largest ratio that passes.
    AtMost(f64),
    /// The smallest ratio that passes.
    AtLeast(f64),
}

#[derive(Debug)]
struct Target {
    text: String,
    measured: f64,
    met: bool,
}

impl Table {
    /// Creates a table from rows of nanoseconds per call, with one number per round. Ratios are relative to `baseline`.
    #[must_use]
    pub const fn new(
        title: String,
        baseline: &'static str,
        rows: Vec<(&'static str, Vec<f64>)>,
    ) -> Self {
        Self { title, baseline, rows, targets: Vec::new() }
    }

    /// Adds a target for the ratio of two rows.
    #[must_use]
    pub fn target(mut self, row: &str, bound: Bound, base: &str) -> Self {
        let [_, measured, _] = ratios(self.times(row), self.times(base));
        let (words, limit, met) = match bound {
            Bound::AtMost(limit) => ("at most", limit, measured <= limit),
            Bound::AtLeast(limit) => ("at least", limit, measured >= limit),
        };
        let text = format!("{row} {words} {limit} × {base}");
        self.targets.push(Target { text, measured, met });
        self
    }

    fn times(&self, name: &str) -> &[f64] {
        let found = self.rows.iter().find(|(row, _)| *row == name);
        found.map_or(&[], |(_, times)| times)
    }

    /// Returns the rows with the median of their times, and the quartiles of their ratios.
    fn summary(&self) -> impl Iterator<Item = (&'static str, f64, [f64; 3])> {
        let base = self.times(self.baseline);
        self.rows
            .iter()
            .map(move |(name, times)| (*name, quartiles(times.clone())[1], ratios(times, base)))
    }

    fn to_json(&self) -> Value {
        let rows = self.summary().map(|(name, ns, [low, median, high])| {
            json!({
                "row": name,
                "ns_per_call": ns,
                "times_baseline": { "lower_quartile": low, "median": median, "upper_quartile": high },
            })
        });
        let targets = self.targets.iter().map(|target| {
            json!({ "target": target.text, "measured": target.measured, "met": target.met })
        });
        json!({
            "table": self.title,
            "rows": rows.collect::<Vec<_>>(),
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return write!(f, "{}", self.tables.iter().map(Table::to_json).collect::<Value>());
        }
        self.tables.iter().try_for_each(|table| writeln!(f, "{table}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {} | ns per call | × baseline | quartiles |\n|---|---|---|---|",
            self.title
        )?;
        for (name, ns, [low, median, high]) in self.summary() {
            writeln!(f, "| {name} | {ns:.0} | {median:.2} | {low:.2}–{high:.2} |")?;
        }
        writeln!(f)?;
        for Target { text, measured, met } in &self.targets {
            let verdict = if *met { "pass" } else { "MISS" };
            writeln!(f, "{verdict}: {text}: {measured:.2}")?;
        }
        Ok(())
    }
}
