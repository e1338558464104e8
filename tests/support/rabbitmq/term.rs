//! Writes and reads Erlang terms.

/// Ends a field of a record.
const FIELD: char = '\u{1f}';

/// Ends a record.
const RECORD: char = '\u{1e}';

/// Returns the Erlang binary of any text.
pub(super) fn binary(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    format!("<<{}>>", bytes.join(","))
}

/// Returns an expression that prints each list of `rows` as one [record](records) of its elements, without those that have no
/// value.
pub(super) fn table(rows: &str) -> String {
    format!(
        "Field = fun(F) when is_binary(F) -> [F, {field}];
                    ({{resource, _, _, Name}}) -> [Name, {field}];
                    (F) -> [io_lib:format(\"~0tp\", [F]), {field}] end,
         [[[Field(F) || F <- Row], {record}] || Row <- {rows}]",
        field = u32::from(FIELD),
        record = u32::from(RECORD),
    )
}

/// Returns the fields of each record.
pub(super) fn records(text: &str) -> Vec<Vec<&str>> {
    let fields = |record| str::split_terminator(record, FIELD).collect();
    text.split_terminator(RECORD).map(fields).collect()
}
