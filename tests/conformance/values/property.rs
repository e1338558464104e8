//! Generated values arrive equal on every path, or are refused on every path of the codec.

use rpc_core::{CallError, Codec, Context, endpoint};

use super::paths::paths;
use super::shapes::{Generator, Shape};
use crate::conformance::harness::{TestEnv, cases};
use crate::support::seeded_rng::SeededRng;

/// The number of seeds; [`VARIABLE`] sets another.
const SEEDS: u64 = 20;

/// The environment variable with the number of seeds, for long runs.
const VARIABLE: &str = "RPC_VALUE_SEEDS";

/// The number of values of a seed.
const VALUES: usize = 30;

struct Echo;

#[endpoint]
impl Echo {
    pub fn echo(&self, _ctx: &Context, shapes: Vec<Shape>) -> Vec<Shape> {
        shapes
    }
}

/// Returns why the codec refuses the shape, if it does.
fn refusal(codec: Codec, shape: &Shape) -> Option<String> {
    codec.encode(shape).err().map(|error| error.to_string())
}

/// Asserts that the codecs refuse the same shapes, apart from numbers that JSON does not have.
fn codecs_agree(shape: &Shape, seed: u64) {
    let json = refusal(Codec::Json, shape);
    match refusal(Codec::MessagePack, shape) {
        Some(reason) => assert!(json.is_some(), "seed {seed}: JSON does not refuse: {reason}"),
        None => {
            let finite = json.is_none_or(|reason| reason.contains("is not a number in JSON"));
            assert!(finite, "seed {seed}: only JSON refuses {shape:?}");
        }
    }
}

async fn generated_values_arrive_equal_on_every_path_or_are_refused(env: TestEnv) {
    let seeds = std::env::var(VARIABLE).map_or(SEEDS, |number| number.parse().unwrap());
    let paths = paths::<_, EchoClient>(&env, Echo).await;
    for seed in 0..seeds {
        let mut generator = Generator(SeededRng::new(seed));
        let shapes: Vec<_> = (0..VALUES).map(|_| generator.shape(3)).collect();
        shapes.iter().for_each(|shape| codecs_agree(shape, seed));
        for path in &paths {
            let (carried, refused): (Vec<_>, Vec<_>) =
                shapes.iter().cloned().partition(|shape| refusal(path.codec, shape).is_none());
            let call = path.client.echo(&Context::new(), carried.clone()).await;
            let back = call.unwrap_or_else(|error| panic!("{}, seed {seed}: {error}", path.name));
            for (back, sent) in back.iter().zip(&carried) {
                // As text, in which NaN is equal to itself and the two zeros differ.
                let (back, sent) = (format!("{back:?}"), format!("{sent:?}"));
                assert_eq!(back, sent, "{}, seed {seed}", path.name);
            }
            assert_eq!(back.len(), carried.len());
            for shape in refused {
                let error = path.client.echo(&Context::new(), vec![shape]).await.unwrap_err();
                let CallError::Rejected(rejected) = &error else { panic!("{error}, {seed}") };
                assert!(rejected.message().contains("argument `shapes`: "), "{error}");
            }
        }
    }
}

cases! { generated_values_arrive_equal_on_every_path_or_are_refused; }
