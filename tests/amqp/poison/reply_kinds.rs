//! What is hostile about a message in a reply queue.

use crate::draft::{Text, enveloped, native};
use crate::kinds::{Kind, reserved_queue};

/// For reply queues: it is about the reply or the notice.
pub const OF_REPLIES: &[Kind] = &[
    ("an unknown version", |rng, draft| {
        draft.body = native(rng.pick(&[3, 4, 5]), u128::from(rng.seed()), &[], &[]);
        draft.body[1] = rng.pick(&[0, 2, 255]);
    }),
    ("an unknown kind", |rng, draft| {
        draft.body = native(rng.pick(&[0, 1, 2, 8, 99]), u128::from(rng.seed()), &[], &[]);
    }),
    ("an accepted notice that names a reserved queue", |rng, draft| {
        draft.body = native(6, u128::from(rng.seed()), &[], &[]);
        draft.set(Text::CorrelationId, format!("{:032x}", rng.seed()));
        draft.set(Text::ReplyTo, reserved_queue(rng));
    }),
    ("a correlation id that is none", |rng, draft| {
        draft.body = native(3, u128::from(rng.seed()), &[], &[7]);
        draft.set(Text::CorrelationId, rng.pick(&["", "7", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"]));
    }),
    ("a failure that is none", |rng, draft| {
        let failure = rng.pick(&["7", "[]", "{", "{\\\"kwargs\\\": 7}"]);
        draft.body = enveloped(&format!(
            r#"{{"result": null, "failure": "{failure}", "ending": true, "_msg_id": "{:032x}"}}"#,
            rng.seed()
        ));
    }),
    ("a first part for no call", |rng, draft| {
        draft.body = enveloped(&format!(
            r#"{{"result": 7, "failure": null, "ending": false, "_msg_id": "{:032x}"}}"#,
            rng.seed()
        ));
    }),
];
