//! What methods return.

use serde::Serialize;

use crate::codec::{Codec, Payload};
use crate::message::{Failure, FailureKind, Outcome};

/// Encodes the result of a method that succeeded.
///
/// # Errors
///
/// [`FailureKind::UnencodableResult`]: the method ran, its result cannot be sent.
pub fn encode_result<T: Serialize>(codec: Codec, value: &T) -> Outcome {
    match codec.encode(value) {
        Ok(bytes) => Ok(Payload::new(codec, bytes)),
        Err(error) => Err(Failure::new(
            FailureKind::UnencodableResult,
            "UnencodableResult",
            format!(
                "the method succeeded, but its result cannot be sent as {}: {error}",
                codec.name()
            ),
        )),
    }
}

/// A return type whose last segment is `Result`, whatever alias it stands for.
pub trait Fallible {
    /// What the method returns on success.
    type Ok;
    /// What it fails with.
    type Err;

    /// Takes it apart.
    ///
    /// # Errors
    ///
    /// The method's own.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt;

    use super::*;
    use crate::codec::DecodeLimits;

    #[test]
    fn a_result_is_encoded_in_the_codec_of_the_request() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let payload = encode_result(codec, &("a", 1)).unwrap();
            assert_eq!(payload.codec(), codec);
            let decoded: (String, u8) =
                codec.decode(payload.bytes(), &DecodeLimits::new()).unwrap();
            assert_eq!(decoded, ("a".to_owned(), 1));
        }
    }

    #[test]
    fn a_result_that_cannot_be_encoded_is_a_failure_after_the_method_ran() {
        let unencodable = BTreeMap::from([(vec![1], 2)]);
        let failure = encode_result(Codec::Json, &unencodable).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::UnencodableResult);
        assert!(failure.message().contains("as json: "), "{failure}");
    }

    #[test]
    fn an_alias_named_result_is_taken_apart() {
        fn ok<R: Fallible>(returned: R) -> Option<R::Ok> {
            returned.into_result().ok()
        }
        type Result<T> = std::result::Result<T, fmt::Error>;
        assert_eq!(ok(Result::Ok(1)), Some(1));
        assert_eq!(ok(anyhow::Result::<u8>::Err(anyhow::anyhow!("no"))), None);
    }
}
