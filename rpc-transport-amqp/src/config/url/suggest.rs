//! The option that was probably meant.

/// Returns the one of `names` that is closest to `name` by edit distance, if it is close for its length.
pub(super) fn suggest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, closest) = names.map(|known| (strsim::levenshtein(name, known), known)).min()?;
    (distance <= 1 + closest.len() / 5).then_some(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_typo_has_a_suggestion() {
        let names = || ["quorum", "prefetch", "ssl", "heartbeat"].into_iter();
        for typo in ["hearbeat", "hartbeats", "heartbeat"] {
            assert_eq!(suggest(typo, names()), Some("heartbeat"), "{typo}");
        }
        assert_eq!(suggest("qorum", names()), Some("quorum"));
    }

    #[test]
    fn a_name_that_is_not_close_to_any_has_no_suggestion() {
        assert_eq!(suggest("colour", ["quorum", "prefetch"].into_iter()), None);
        assert_eq!(suggest("", ["ssl"].into_iter()), None);
    }
}
