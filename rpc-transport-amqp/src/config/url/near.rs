//! The name that was probably meant.

/// The one of `names` that takes the fewest edits to reach from `name`, if those are few for its length.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (edits, nearest) = names.map(|known| (edits(name, known), known)).min()?;
    (edits <= 1 + nearest.len() / 5).then_some(nearest)
}

/// How many bytes must be put in, taken out or changed to make `a` into `b`.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_either_way() {
        assert_eq!(edits("heartbeat", "heartbeat"), 0);
        assert_eq!(edits("heartbeat", "hearbeat"), 1);
        assert_eq!(edits("hartbeats", "heartbeat"), 2);
        assert_eq!(edits("", "ssl"), 3);
        assert_eq!(edits("ssl", ""), 3);
    }

    #[test]
    fn a_name_far_from_all_others_has_no_neighbour() {
        assert_eq!(nearest("colour", ["quorum", "window"].into_iter()), None);
        assert_eq!(nearest("qorum", ["quorum", "window"].into_iter()), Some("quorum"));
    }
}
