use crate::setting::Group;

/// The options of the command line.
pub(crate) struct Options {
    /// What to measure.
    pub(crate) groups: Vec<Group>,
    /// Print JSON instead of tables.
    pub(crate) json: bool,
    /// How often each subject is measured.
    pub(crate) rounds: usize,
    /// How many calls a measurement makes.
    pub(crate) calls: usize,
}

impl Options {
    /// With fewer rounds, the median says little.
    pub(crate) const MIN_ROUNDS: usize = 9;

    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { groups: Vec::new(), json: false, rounds: 101, calls: 2_000 };
        while let Some(arg) = args.next() {
            let mut number = || {
                let text = args.next().ok_or_else(|| format!("`{arg}` needs a number"))?;
                text.parse().map_err(|error| format!("`{arg} {text}`: {error}"))
            };
            match arg.as_str() {
                "--rounds" => options.rounds = number()?,
                "--calls" => options.calls = number()?,
                "--json" => options.json = true,
                // Passed by `cargo bench`.
                "--bench" => {}
                name => options.groups.push(Group::named(name).ok_or_else(|| {
                    format!(
                        "unknown option `{arg}`; there are calls, in-flight, threads, payloads, \
                         --json, --rounds, --calls"
                    )
                })?),
            }
        }
        if options.groups.is_empty() {
            options.groups = Group::ALL.to_vec();
        }
        if options.rounds < Self::MIN_ROUNDS || options.calls == 0 {
            let min = Self::MIN_ROUNDS;
            return Err(format!("at least {min} rounds of at least 1 call are needed"));
        }
        Ok(options)
    }
}
