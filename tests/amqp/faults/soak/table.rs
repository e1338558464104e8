//! What a soak found, for each row of the promised table.

use std::collections::BTreeMap;
use std::fmt;

use crate::call_history::CallHistory;
use crate::history::{Kind, Record};
use crate::rules::{broken_rules, knows_whether_it_ran};

/// The sums of all rounds with one kind of fault, on one kind of queues.
#[derive(Default)]
struct Row {
    rounds: u64,
    calls: u64,
    casts: u64,
    fanouts: u64,
    dropped: u64,
    failed: u64,
    lost: u64,
    doubled: u64,
    in_doubt: u64,
    /// How many messages waited for the broker when something went wrong, at most.
    waited: u64,
    wrong_ran: u64,
    broken: Vec<String>,
}

/// The rows, by mode, fault and queues.
#[derive(Default)]
pub(super) struct Table(BTreeMap<(String, &'static str, &'static str), Row>);

impl Table {
    /// Adds a round.
    pub(super) fn add(&mut self, fault: &'static str, queues: &'static str, record: &Record) {
        let row = self.0.entry((format!("{:?}", record.acknowledge), fault, queues)).or_default();
        row.rounds += 1;
        row.waited = row.waited.max(record.waited);
        for (call, history) in CallHistory::all(record) {
            let Some(step) = history.sent else { continue };
            match step.kind {
                Kind::Call => row.calls += 1,
                Kind::Cast | Kind::KillingCast => row.casts += 1,
                Kind::Fanout => row.fanouts += 1,
            }
            row.dropped += u64::from(history.dropped);
            row.failed += u64::from(history.told.iter().any(|(_, told, _)| told.is_err()));
            row.lost += u64::from(history.is_lost(record, step));
            row.doubled += u64::from(history.is_doubled(record, step));
            row.in_doubt += u64::from(history.is_in_doubt(record));
            row.wrong_ran += u64::from(knows_whether_it_ran(record, &history, call, step).is_err());
        }
        row.broken.extend(broken_rules(record));
    }

    /// Returns the first violations of promises.
    pub(super) fn broken(&self) -> Vec<&str> {
        self.0.values().flat_map(|row| row.broken.iter().take(3)).map(String::as_str).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<13} {:<23} {:<8} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6} {:>8} {:>8} {:>8} {:>10} {:>7}",
            "mode",
            "event",
            "queues",
            "rounds",
            "calls",
            "casts",
            "fanouts",
            "dropped",
            "failed",
            "lost",
            "doubled",
            "in doubt",
            "waited",
            "wrong ran",
            "broken"
        )?;
        for ((mode, fault, queues), row) in &self.0 {
            let Row { rounds, calls, casts, fanouts, dropped, failed, .. } = row;
            let Row { lost, doubled, in_doubt, waited, wrong_ran, broken, .. } = row;
            let broken = broken.len();
            writeln!(
                f,
                "{mode:<13} {fault:<23} {queues:<8} {rounds:>6} {calls:>8} {casts:>8} {fanouts:>8} {dropped:>8} \
                 {failed:>8} {lost:>6} {doubled:>8} {in_doubt:>8} {waited:>8} {wrong_ran:>10} {broken:>7}"
            )?;
        }
        Ok(())
    }
}
