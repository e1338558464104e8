//! What was measured, for people and for programs.

use std::fmt;

use serde_json::json;

use crate::drive::{Callers, Setting, Threads};
use crate::row;

pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
}

/// One setting's rows.
pub(crate) struct Table {
    setting: Setting,
    rows: Vec<Row>,
    aims: Vec<Aim>,
}

struct Row {
    name: &'static str,
    /// Nanoseconds per call, median of all rounds.
    ns: f64,
    /// Times the floor: each round's time over the floor's in the same round. Its quartiles.
    ratio: [f64; 3],
}

struct Aim {
    says: String,
    measured: f64,
    met: bool,
}

impl Table {
    /// Rows with a time for each round.
    pub(crate) fn new(setting: Setting, rows: Vec<(&'static str, Vec<f64>)>) -> Self {
        let times = |name| -> &[f64] {
            let found = rows.iter().find(|(row, _)| *row == name);
            found.map(|(_, times)| &**times).expect("the row is measured in every setting")
        };
        let (floor, ours) = (times(row::FLOOR), times(row::OURS));
        let aims = aims(setting, ratios(ours, floor)[1], ratios(times(row::TARPC_DUPLEX), ours)[1]);
        let rows = rows.iter().map(|(name, times)| Row {
            name,
            ns: quartiles(times.clone())[1],
            ratio: ratios(times, floor),
        });
        Self { setting, rows: rows.collect(), aims }
    }
}

/// One call from `main` and 64 from tasks have aims. The rest is only reported: two threads depend more on where tasks
/// land than on what they do.
fn aims(setting: Setting, times_floor: f64, tarpc_times_ours: f64) -> Vec<Aim> {
    let (most, least) = match (setting.threads, setting.callers) {
        (Threads::Current, Callers::Main) => (1.3, 4.0),
        (Threads::Current, Callers::Tasks(64)) => (1.5, 3.0),
        _ => return Vec::new(),
    };
    vec![
        Aim {
            says: format!("{} at most {most} x the floor", row::OURS),
            measured: times_floor,
            met: times_floor <= most,
        },
        Aim {
            says: format!("{} at least {least} x {}", row::TARPC_DUPLEX, row::OURS),
            measured: tarpc_times_ours,
            met: tarpc_times_ours >= least,
        },
    ]
}

/// Quartiles of the ratios within each round: what slows a whole round down falls out.
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
                "times_floor": { "lower_quartile": low, "median": median, "upper_quartile": high },
            })
        });
        let aims = self
            .aims
            .iter()
            .map(|aim| json!({ "aim": aim.says, "measured": aim.measured, "met": aim.met }));
        json!({
            "threads": self.setting.threads.to_string(),
            "callers": self.setting.callers.to_string(),
            "in_flight": self.setting.callers.count(),
            "rows": rows.collect::<Vec<_>>(),
            "aims": aims.collect::<Vec<_>>(),
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
        writeln!(f, "{title:<36} {:>9} {:>9}   quartiles", "ns/call", "x floor")?;
        for Row { name, ns, ratio: [low, median, high] } in &self.rows {
            writeln!(f, "{name:<36} {ns:>9.0} {median:>9.2}   {low:.2}-{high:.2}")?;
        }
        for Aim { says, measured, met } in &self.aims {
            let verdict = if *met { "pass" } else { "MISS" };
            writeln!(f, "{verdict}: {says}: {measured:.2}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current thread"),
            Self::Workers(count) => write!(f, "{count} worker threads"),
        }
    }
}

impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str("1 call from main"),
            Self::Tasks(1) => f.write_str("1 call from a task"),
            Self::Tasks(count) => write!(f, "{count} from tasks"),
        }
    }
}
