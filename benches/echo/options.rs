/// What the command line asks for.
pub(crate) struct Options {
    /// Print JSON instead of tables.
    pub(crate) json: bool,
    /// How often each row takes its turn.
    pub(crate) rounds: usize,
    /// Calls in one turn.
    pub(crate) calls: usize,
}

impl Options {
    /// Fewer rounds than this give no median worth reading.
    const FEWEST_ROUNDS: usize = 9;

    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { json: false, rounds: 101, calls: 2_000 };
        while let Some(arg) = args.next() {
            let mut number = || {
                let text = args.next().ok_or_else(|| format!("`{arg}` needs a number"))?;
                text.parse().map_err(|error| format!("`{arg} {text}`: {error}"))
            };
            match arg.as_str() {
                "--rounds" => options.rounds = number()?,
                "--calls" => options.calls = number()?,
                "--json" => options.json = true,
                // From `cargo bench`.
                "--bench" => {}
                _ => {
                    return Err(format!(
                        "unknown option `{arg}`; there are --json, --rounds, --calls"
                    ));
                }
            }
        }
        if options.rounds < Self::FEWEST_ROUNDS || options.calls == 0 {
            let least = Self::FEWEST_ROUNDS;
            return Err(format!("at least {least} rounds of at least 1 call are needed"));
        }
        Ok(options)
    }
}
