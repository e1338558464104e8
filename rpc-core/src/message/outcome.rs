//! The outcome of a request.

use serde::Serialize;

use super::{Failure, FailureKind};
use crate::codec::{Codec, Payload};

/// The outcome of a request at the server: the encoded result, or a failure.
pub type Outcome = Result<Payload, Failure>;

/// Encodes the result of a method that succeeded.
///
/// # Errors
///
/// Fails with [`FailureKind::UnencodableResult`] if the result cannot be encoded. The method has
/// run nevertheless.
pub fn encode_result<T: Serialize>(codec: Codec, value: &T) -> Outcome {
    Payload::encode(codec, value).map_err(|error| {
        let message = format!(
            "the method succeeded, but its result cannot be sent as {}: {error}",
            codec.name()
        );
        Failure::new(FailureKind::UnencodableResult, "UnencodableResult", message)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
}
