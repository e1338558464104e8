use std::time::Duration;

/// What the command line asks for.
pub(crate) struct Options {
    /// Fail when an aim is missed.
    pub(crate) check: bool,
    /// How often each row takes its turn.
    pub(crate) rounds: usize,
    /// How long a turn lasts.
    pub(crate) turn: Duration,
}

impl Options {
    /// Fewer rounds than this give no median worth reading.
    const FEWEST_ROUNDS: usize = 5;

    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { check: false, rounds: 25, turn: Duration::from_millis(200) };
        while let Some(arg) = args.next() {
            let mut number = || {
                let text = args.next().ok_or_else(|| format!("`{arg}` needs a number"))?;
                text.parse::<u32>().map_err(|error| format!("`{arg} {text}`: {error}"))
            };
            match arg.as_str() {
                "--rounds" => options.rounds = number()? as usize,
                "--turn" => options.turn = Duration::from_millis(number()?.into()),
                "--check" => options.check = true,
                // From `cargo bench`.
                "--bench" => {}
                _ => {
                    return Err(format!(
                        "unknown option `{arg}`; there are --check, --rounds, --turn"
                    ));
                }
            }
        }
        if options.rounds < Self::FEWEST_ROUNDS || options.turn.is_zero() {
            let least = Self::FEWEST_ROUNDS;
            return Err(format!("at least {least} rounds with turns of at least 1 ms are needed"));
        }
        Ok(options)
    }
}
