use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::via::*;
use super::*;

const LIMITS: &DecodeLimits = &DecodeLimits::new();
const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];

/// The expression in generated code.
macro_rules! method_error {
    ($error:expr) => {
        (&&&&&&ErrorProbe($error)).method_error()
    };
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{missing} cents short")]
struct Funds {
    missing: u64,
}

impl RpcError for Funds {
    const CLASS: &'static str = "Funds";
}

const SHORT: Funds = Funds { missing: 5 };

/// An error that does not implement `RpcError`, so its fields are not visited.
#[derive(Debug, thiserror::Error)]
enum Plain {
    #[error("the transfer failed")]
    Caused(#[source] Funds),
    #[error(transparent)]
    Transparent(Funds),
}

/// The implementation that `#[derive(RpcError)]` would generate.
#[derive(Debug, thiserror::Error)]
enum Ledger {
    #[error(transparent)]
    Funds(Funds),
    #[error(transparent)]
    Boxed(Box<Funds>),
    #[error(transparent)]
    Nested(Box<Ledger>),
    #[error(transparent)]
    Other(anyhow::Error),
    #[error("the ledger is closed since {year}")]
    Closed { year: u16 },
}

impl RpcError for Ledger {
    const CLASS: &'static str = "LedgerError";
    const MODULE: Option<&'static str> = Some("bank");

    fn visit_sources<'a>(
        &'a self,
        visit: &mut dyn FnMut(&'a (dyn Error + 'static)) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Self::Funds(source) => method_error!(source).visit(visit),
            Self::Boxed(source) => method_error!(source).visit(visit),
            Self::Nested(source) => method_error!(source).visit(visit),
            Self::Other(source) => method_error!(source).visit(visit),
            Self::Closed { .. } => ControlFlow::Continue(()),
        }
    }
}

fn funds(method_error: MethodError<'_>) -> Option<&Funds> {
    method_error.find::<Funds>(|_| true)
}

#[test]
fn an_error_is_found_as_itself() {
    assert_eq!(funds(method_error!(&SHORT)), Some(&SHORT));
    assert_eq!(funds(method_error!(&Ledger::Closed { year: 1929 })), None);
}

#[test]
fn an_error_is_found_among_the_causes_of_any_error() {
    assert_eq!(funds(method_error!(&Plain::Caused(SHORT))), Some(&SHORT));
}

#[test]
fn a_variant_is_told_from_its_siblings() {
    let error = Ledger::Closed { year: 1929 };
    let closed = |e: &Ledger| matches!(e, Ledger::Closed { .. });
    assert!(method_error!(&error).find(closed).is_some());
    assert!(method_error!(&Ledger::Funds(SHORT)).find(closed).is_none());
}

#[test]
fn a_transparent_variant_hides_what_it_holds_unless_its_type_tells() {
    assert_eq!(funds(method_error!(&Plain::Transparent(SHORT))), None);
    assert_eq!(funds(method_error!(&Ledger::Funds(SHORT))), Some(&SHORT));
}

#[test]
fn what_is_held_is_searched_through_boxes_nesting_and_other_error_types() {
    for error in [
        Ledger::Boxed(Box::new(SHORT)),
        Ledger::Nested(Box::new(Ledger::Nested(Box::new(Ledger::Funds(SHORT))))),
        Ledger::Other(SHORT.into()),
        Ledger::Other(anyhow::Error::from(SHORT).context("while paying")),
        Ledger::Other(Plain::Caused(SHORT).into()),
    ] {
        assert_eq!(funds(method_error!(&error)), Some(&SHORT), "{error:?}");
    }
}

#[test]
fn boxed_and_shared_errors_are_searched() {
    assert_eq!(funds(method_error!(&Box::new(SHORT))), Some(&SHORT));
    assert_eq!(funds(method_error!(&Arc::new(SHORT))), Some(&SHORT));
    assert_eq!(funds(method_error!(&Box::new(Plain::Caused(SHORT)))), Some(&SHORT));
    assert_eq!(funds(method_error!(&Box::new(Ledger::Funds(SHORT)))), Some(&SHORT));
    let dynamic: Box<dyn Error + Send + Sync> = Box::new(SHORT);
    assert_eq!(funds(method_error!(&dynamic)), Some(&SHORT));
    let local: Box<dyn Error> = Box::new(Plain::Caused(SHORT));
    assert_eq!(funds(method_error!(&local)), Some(&SHORT));
    let shared: Arc<dyn Error + Send + Sync> = Arc::new(SHORT);
    assert_eq!(funds(method_error!(&shared)), Some(&SHORT));
}

#[test]
fn an_anyhow_error_is_searched_as_what_it_was_made_of() {
    assert_eq!(funds(method_error!(&anyhow::Error::from(SHORT))), Some(&SHORT));
    let explained = anyhow::Error::from(Plain::Caused(SHORT)).context("outer").context("outermost");
    assert_eq!(funds(method_error!(&explained)), Some(&SHORT));
}

#[test]
fn an_error_used_as_anyhows_context_is_not_found() {
    // The chain shows anyhow's own wrapper in its place.
    assert_eq!(funds(method_error!(&anyhow::anyhow!("no").context(SHORT))), None);
    // An error behind a type-erased transparent one tells nothing either.
    assert_eq!(funds(method_error!(&anyhow::Error::from(Ledger::Funds(SHORT)))), None);
}

#[test]
fn a_type_that_only_views_an_error_is_searched() {
    struct Report(Plain);
    impl AsRef<dyn Error + Send + Sync> for Report {
        fn as_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
            &self.0
        }
    }
    assert_eq!(funds(method_error!(&Report(Plain::Caused(SHORT)))), Some(&SHORT));
}

#[test]
fn generic_code_searches_as_far_as_its_bounds_tell() {
    fn by_name<E: RpcError>(error: &E) -> Option<&Funds> {
        funds(method_error!(error))
    }
    fn by_trait<E: Error + Send + 'static>(error: &E) -> Option<&Funds> {
        funds(method_error!(error))
    }
    fn by_view<E: AsRef<dyn Error + Send + Sync>>(error: &E) -> Option<&Funds> {
        funds(method_error!(error))
    }
    #[allow(clippy::borrowed_box, reason = "the box is what is looked through")]
    fn by_box<E: Error + 'static>(error: &Box<E>) -> Option<&Funds> {
        funds(method_error!(error))
    }
    assert_eq!(by_name(&Ledger::Funds(SHORT)), Some(&SHORT));
    assert_eq!(by_trait(&Plain::Caused(SHORT)), Some(&SHORT));
    assert_eq!(by_trait(&Ledger::Funds(SHORT)), None, "the bound says nothing of what is source");
    assert_eq!(by_view(&anyhow::Error::from(SHORT)), Some(&SHORT));
    assert_eq!(by_box(&Box::new(SHORT)), Some(&SHORT));
}

#[test]
fn an_error_that_is_its_own_cause_ends_the_search() {
    #[derive(Debug)]
    struct Endless;
    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("endless")
        }
    }
    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }
    assert_eq!(funds(method_error!(&Endless)), None);
    assert_eq!(method_error!(&Endless).unexpected().causes().len(), MAX_CHAIN - 1);
}

#[test]
fn an_unexpected_error_tells_its_class_text_and_causes() {
    let failure = method_error!(&Plain::Caused(SHORT)).unexpected();
    assert_eq!(failure.kind(), FailureKind::Error);
    assert_eq!((failure.class(), failure.module()), ("Error", None));
    assert_eq!(failure.message(), "the transfer failed");
    assert_eq!(failure.causes(), ["5 cents short"]);
    assert!(failure.details().is_none());

    let explained = anyhow::Error::from(Plain::Caused(SHORT)).context("while paying");
    let failure = method_error!(&explained).unexpected();
    assert_eq!(failure.message(), "while paying");
    assert_eq!(failure.causes(), ["the transfer failed", "5 cents short"]);

    for failure in [
        method_error!(&Ledger::Closed { year: 1929 }).unexpected(),
        method_error!(&Box::new(Ledger::Closed { year: 1929 })).unexpected(),
    ] {
        assert_eq!((failure.class(), failure.module()), ("LedgerError", Some("bank")));
        assert_eq!(failure.message(), "the ledger is closed since 1929");
    }
}

#[test]
fn an_expected_error_arrives_as_it_was() {
    for codec in CODECS {
        let failure = expected_failure(codec, &SHORT);
        assert_eq!(failure.kind(), FailureKind::Expected);
        assert_eq!((failure.class(), failure.message()), ("Funds", "5 cents short"));
        assert_eq!(decode_expected::<Funds>(&failure, LIMITS), Some(SHORT));
    }
}

/// An error like [`Funds`], with a module and more fields.
#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{missing} cents short of {of}")]
struct Elsewhere {
    missing: u64,
    of: u64,
}

impl RpcError for Elsewhere {
    const CLASS: &'static str = "Funds";
    const MODULE: Option<&'static str> = Some("elsewhere");
}

#[test]
fn a_failure_of_another_class_or_module_or_value_is_not_taken_for_the_expected_one() {
    for codec in CODECS {
        let ours = expected_failure(codec, &SHORT);
        assert_eq!(decode_expected::<Elsewhere>(&ours, LIMITS), None, "no module");
        let renamed = ours.with_module(Some("elsewhere"));
        assert_eq!(decode_expected::<Elsewhere>(&renamed, LIMITS), None, "a field is missing");

        let theirs = expected_failure(codec, &Elsewhere { missing: 1, of: 2 });
        assert_eq!(decode_expected(&theirs, LIMITS), Some(Elsewhere { missing: 1, of: 2 }));
        assert_eq!(
            decode_expected(&theirs, LIMITS),
            Some(Funds { missing: 1 }),
            "one that claims no module takes any"
        );
        assert_eq!(decode_expected::<Funds>(&theirs, &DecodeLimits::new().max_bytes(1)), None);
    }
    let bare = Failure::new(FailureKind::Error, "Funds", "no details");
    assert_eq!(decode_expected::<Funds>(&bare, LIMITS), None);
}

#[test]
fn an_expected_error_that_cannot_be_sent_is_still_told() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot be written")]
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("locked"))
        }
    }
    impl RpcError for Unwritable {
        const CLASS: &'static str = "Unwritable";
    }
    for codec in CODECS {
        let failure = expected_failure(codec, &Unwritable);
        assert_eq!(failure.kind(), FailureKind::UnencodableResult);
        for part in ["`Unwritable`", "cannot be written", "locked"] {
            assert!(failure.message().contains(part), "{failure}");
        }
    }
}
