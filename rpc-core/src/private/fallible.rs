//! Return types that are a `Result`.

/// A return type whose last path segment is `Result`: the type itself or an alias of it.
pub trait Fallible {
    /// The type of a successful result.
    type Ok;
    /// The error type.
    type Err;

    /// Converts the value into a plain `Result`.
    ///
    /// # Errors
    ///
    /// Returns the error of the method.
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
    use std::fmt;

    use super::*;

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
