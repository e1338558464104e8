//! What was measured, in tables; and whether the aims are met.

use std::fmt;

use crate::drive::Turn;
use crate::row;

pub(crate) struct Report {
    /// With one call in flight.
    pub(crate) one: Table,
    /// With 64.
    pub(crate) many: Table,
    /// Why a row is not there.
    pub(crate) missing: Option<String>,
}

/// What was seen with so many calls in flight.
pub(crate) struct Table {
    in_flight: usize,
    rows: Vec<(&'static str, Vec<Turn>)>,
    /// The faster of the two rows that do the same work.
    floor: &'static str,
}

struct Aim {
    says: String,
    measured: f64,
    met: bool,
}

impl Table {
    /// Rows with a turn for each round.
    pub(crate) fn new(in_flight: usize, rows: Vec<(&'static str, Vec<Turn>)>) -> Self {
        let mut table = Self { in_flight, rows, floor: row::TWO };
        if table.speed(row::ONE) > table.speed(row::TWO) {
            table.floor = row::ONE;
        }
        table
    }

    fn speed(&self, row: &str) -> f64 {
        let turns = self.turns(row).expect("the row is measured in every setting");
        quartiles(turns.iter().map(speed))[1]
    }

    fn turns(&self, name: &str) -> Option<&[Turn]> {
        self.rows.iter().find(|(row, _)| *row == name).map(|(_, turns)| &**turns)
    }

    /// Quartiles of the ratios within each round: what slows a whole round down falls out.
    fn times(&self, row: &str, base: &str, of: fn(&Turn) -> f64) -> Option<[f64; 3]> {
        let pairs = self.turns(row)?.iter().zip(self.turns(base)?);
        Some(quartiles(pairs.map(|(turn, base)| of(turn) / of(base))))
    }
}

fn speed(turn: &Turn) -> f64 {
    turn.calls_per_second
}

fn latency(turn: &Turn) -> f64 {
    turn.latency
}

fn quartiles(samples: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut samples: Vec<_> = samples.collect();
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    [last / 4, last / 2, last - last / 4].map(|at| samples[at])
}

impl Report {
    /// False also where one could not be measured.
    pub(crate) fn all_met(&self) -> bool {
        self.missing.is_none() && self.aims().iter().all(|aim| aim.met)
    }

    /// Those that could be measured.
    fn aims(&self) -> Vec<Aim> {
        let Self { one, many, .. } = self;
        let ours = row::NATIVE;
        let least = |least: f64, of: &str, times: Option<[f64; 3]>| {
            let [_, measured, _] = times?;
            let says = format!("{ours}: at least {least} x the calls/s of {of}, 64 in flight");
            Some(Aim { says, measured, met: measured >= least })
        };
        let latency = one.times(ours, one.floor, latency).map(|[_, measured, _]| {
            let says = format!("{ours}: at most 1.15 x the floor's median latency, 1 in flight");
            Aim { says, measured, met: measured <= 1.15 }
        });
        let aims = [
            least(0.9, "the floor", many.times(ours, many.floor, speed)),
            latency,
            least(25.0, row::PYTHON, many.times(ours, row::PYTHON, speed)),
        ];
        aims.into_iter().flatten().collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.one, self.many)?;
        for Aim { says, measured, met } in self.aims() {
            let verdict = if met { "pass" } else { "MISS" };
            writeln!(f, "{verdict}: {says}: {measured:.2}")?;
        }
        match &self.missing {
            Some(why) => writeln!(f, "NOT MEASURED: {}: {why}", row::PYTHON),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("{} in flight (floor: {})", self.in_flight, self.floor);
        writeln!(f, "{title}")?;
        let (blank, floor, quarters) = ("", "x floor", "quartiles");
        writeln!(
            f,
            "{blank:<44} {:>8} {floor:>8}  {quarters:<11} {:>10} {floor:>8}  {quarters}",
            "calls/s", "median µs"
        )?;
        for (name, turns) in &self.rows {
            write!(f, "{name:<44}")?;
            for (of, width) in [(speed as fn(&Turn) -> f64, 8), (latency, 10)] {
                let [_, median, _] = quartiles(turns.iter().map(of));
                let times = self.times(name, self.floor, of);
                let [low, ratio, high] = times.expect("both rows are there");
                let quarters = format!("{low:.2}-{high:.2}");
                write!(f, " {median:>width$.0} {ratio:>8.2}  {quarters:<11}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
