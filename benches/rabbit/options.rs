use std::time::Duration;

/// The options of the command line.
pub(crate) struct Options {
    /// Fail if a target is missed.
    pub(crate) check: bool,
    /// How often each subject is measured.
    pub(crate) rounds: usize,
    /// How long a measurement takes.
    pub(crate) sample_time: Duration,
}

impl Options {
    /// With fewer rounds, the median says little.
    const MIN_ROUNDS: usize = 5;

    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { check: false, rounds: 25, sample_time: Duration::from_millis(200) };
        while let Some(arg) = args.next() {
            let mut number = || {
                let text = args.next().ok_or_else(|| format!("`{arg}` needs a number"))?;
                text.parse::<u32>().map_err(|error| format!("`{arg} {text}`: {error}"))
            };
            match arg.as_str() {
                "--rounds" => options.rounds = number()? as usize,
                "--sample-time" => options.sample_time = Duration::from_millis(number()?.into()),
                "--check" => options.check = true,
                // Passed by `cargo bench`.
                "--bench" => {}
                _ => {
                    return Err(format!(
                        "unknown option `{arg}`; there are --check, --rounds, --sample-time"
                    ));
                }
            }
        }
        if options.rounds < Self::MIN_ROUNDS || options.sample_time.is_zero() {
            let min = Self::MIN_ROUNDS;
            return Err(format!(
                "at least {min} rounds and a sample time of at least 1 ms are needed"
            ));
        }
        Ok(options)
    }
}
