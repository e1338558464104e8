//! Rounds in which the subjects of a table take turns.

/// Measures every subject once per round, so that other load on the machine affects all of them. Each round begins with
/// another subject, so none always follows the same one. Returns a result per round for each subject.
pub fn take_turns<S>(
    subjects: &[S],
    rounds: usize,
    mut measure: impl FnMut(&S) -> f64,
) -> Vec<Vec<f64>> {
    for subject in subjects {
        measure(subject);
    }
    let mut results = vec![Vec::with_capacity(rounds); subjects.len()];
    for round in 0..rounds {
        for offset in 0..subjects.len() {
            let at = (round + offset) % subjects.len();
            results[at].push(measure(&subjects[at]));
        }
    }
    results
}

/// Returns the quartiles of the ratios within each round. What slows down a whole round has no effect.
#[must_use]
pub fn ratios(times: &[f64], base: &[f64]) -> [f64; 3] {
    quartiles(times.iter().zip(base).map(|(time, base)| time / base).collect())
}

/// Returns the quartiles of at least one sample.
///
/// # Panics
///
/// Panics if there are no samples.
#[must_use]
pub fn quartiles(mut samples: Vec<f64>) -> [f64; 3] {
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    [last / 4, last / 2, last - last / 4].map(|at| samples[at])
}
