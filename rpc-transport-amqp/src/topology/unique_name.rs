//! Names of queues that no one else can guess or have.

/// Returns 128 random bits as 32 hexadecimal digits, the form of oslo.messaging's unique names.
///
/// The bits come from the operating system: whoever knows the name of a reply queue can send replies to it.
///
/// # Panics
///
/// If the operating system gives no random bytes.
pub(crate) fn unique_name() -> String {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_the_same() {
        assert_ne!(unique_name(), unique_name());
        assert_eq!(unique_name().len(), 32);
    }
}
