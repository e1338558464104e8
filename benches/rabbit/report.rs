//! The results as tables, and whether the targets are met.

use std::fmt;

use crate::load::Sample;
use crate::row;

pub(crate) struct Report {
    /// With one call in flight.
    pub(crate) one: Table,
    /// With 64.
    pub(crate) many: Table,
    /// Why the row of Python is missing.
    pub(crate) missing: Option<String>,
}

/// The rows with so many calls in flight.
pub(crate) struct Table {
    in_flight: usize,
    rows: Vec<(&'static str, Vec<Sample>)>,
    /// The faster of the two rows with the same guarantees.
    baseline: &'static str,
}

struct Target {
    text: String,
    measured: f64,
    met: bool,
}

impl Table {
    /// Creates a table from rows with a sample per round.
    pub(crate) fn new(in_flight: usize, rows: Vec<(&'static str, Vec<Sample>)>) -> Self {
        let mut table = Self { in_flight, rows, baseline: row::TWO_CONNECTIONS };
        if table.calls_per_second(row::ONE_CONNECTION) > table.calls_per_second(table.baseline) {
            table.baseline = row::ONE_CONNECTION;
        }
        table
    }

    fn calls_per_second(&self, row: &str) -> f64 {
        let samples = self.samples(row).expect("the row is measured in every setting");
        quartiles(samples.iter().map(calls_per_second))[1]
    }

    fn samples(&self, name: &str) -> Option<&[Sample]> {
        self.rows.iter().find(|(row, _)| *row == name).map(|(_, samples)| &**samples)
    }

    /// Returns the quartiles of the ratios within each round. What slows down a whole round has no effect.
    fn ratio(&self, row: &str, base: &str, of: fn(&Sample) -> f64) -> Option<[f64; 3]> {
        let pairs = self.samples(row)?.iter().zip(self.samples(base)?);
        Some(quartiles(pairs.map(|(sample, base)| of(sample) / of(base))))
    }
}

fn calls_per_second(sample: &Sample) -> f64 {
    sample.calls_per_second
}

fn latency(sample: &Sample) -> f64 {
    sample.latency
}

fn quartiles(samples: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut samples: Vec<_> = samples.collect();
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    [last / 4, last / 2, last - last / 4].map(|at| samples[at])
}

impl Report {
    /// Returns whether all targets are met. A target that could not be measured counts as missed.
    pub(crate) fn all_met(&self) -> bool {
        self.missing.is_none() && self.targets().iter().all(|target| target.met)
    }

    /// Returns the targets that could be measured.
    fn targets(&self) -> Vec<Target> {
        let Self { one, many, .. } = self;
        let framework = row::AMQP;
        let at_least = |min: f64, of: &str, ratio: Option<[f64; 3]>| {
            let [_, measured, _] = ratio?;
            let text = format!("{framework}: at least {min} x the calls/s of {of}, 64 in flight");
            Some(Target { text, measured, met: measured >= min })
        };
        let latency = one.ratio(framework, one.baseline, latency).map(|[_, measured, _]| {
            let text =
                format!("{framework}: at most 0.8 x the baseline's median latency, 1 in flight");
            Target { text, measured, met: measured <= 0.8 }
        });
        let targets = [
            at_least(1.3, "the baseline", many.ratio(framework, many.baseline, calls_per_second)),
            latency,
            at_least(30.0, row::PYTHON, many.ratio(framework, row::PYTHON, calls_per_second)),
        ];
        targets.into_iter().flatten().collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.one, self.many)?;
        for Target { text, measured, met } in self.targets() {
            let verdict = if met { "pass" } else { "MISS" };
            writeln!(f, "{verdict}: {text}: {measured:.2}")?;
        }
        match &self.missing {
            Some(why) => writeln!(f, "NOT MEASURED: {}: {why}", row::PYTHON),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("{} in flight (baseline: {})", self.in_flight, self.baseline);
        writeln!(f, "{title}")?;
        let (blank, base, range) = ("", "x base", "quartiles");
        writeln!(
            f,
            "{blank:<44} {:>8} {base:>8}  {range:<11} {:>10} {base:>8}  {range}",
            "calls/s", "median µs"
        )?;
        for (name, samples) in &self.rows {
            write!(f, "{name:<44}")?;
            for (of, width) in [(calls_per_second as fn(&Sample) -> f64, 8), (latency, 10)] {
                let [_, median, _] = quartiles(samples.iter().map(of));
                let ratio = self.ratio(name, self.baseline, of);
                let [low, ratio, high] = ratio.expect("both rows are there");
                let range = format!("{low:.2}-{high:.2}");
                write!(f, " {median:>width$.0} {ratio:>8.2}  {range:<11}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
