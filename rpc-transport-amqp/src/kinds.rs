//! The kinds of failures by name, as both forms of messages have them.

use rpc_core::FailureKind;

const NAMES: [(FailureKind, &str); 13] = [
    (FailureKind::Expected, "expected"),
    (FailureKind::Error, "error"),
    (FailureKind::Panic, "panic"),
    (FailureKind::UnencodableResult, "unencodable_result"),
    (FailureKind::UnknownNamespace, "unknown_namespace"),
    (FailureKind::UnsupportedVersion, "unsupported_version"),
    (FailureKind::UnknownMethod, "unknown_method"),
    (FailureKind::InvalidArguments, "invalid_arguments"),
    (FailureKind::Malformed, "malformed"),
    (FailureKind::Denied, "denied"),
    (FailureKind::Overloaded, "overloaded"),
    (FailureKind::Expired, "expired"),
    (FailureKind::Interrupted, "interrupted"),
];

pub(crate) fn name_of(kind: FailureKind) -> &'static str {
    let named = NAMES.iter().find(|(known, _)| *known == kind);
    // A kind that is not known here says at least that the call failed.
    named.map_or("error", |(_, name)| name)
}

pub(crate) fn named(name: &str) -> Option<FailureKind> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for (kind, name) in NAMES {
            assert_eq!(name_of(kind), name);
            assert_eq!(named(name), Some(kind));
        }
        assert_eq!(named("a newer one"), None);
    }
}
