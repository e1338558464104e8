//! Links between a process and the broker that end, or go dead.

use rpc_core::server::Acknowledge;
use rpc_tests::rabbit::{Cut, UrlForm};

use crate::load::Load;
use crate::scenario;
use crate::world::World;

scenario!(every_call_ends_when_connections_are_cut);

async fn every_call_ends_when_connections_are_cut(form: UrlForm, seed: u64) {
    let world = World::shared(form, &format!("cut {seed}")).await;
    let mut load = Load::begin(world, seed, Acknowledge::BeforeInvoke, "").await;
    for _ in 0..std::env::var("STRIKES").map_or(4, |s| s.parse().unwrap()) {
        load.go_on(200, 900).await;
        let how = load.dice.pick(&[Cut::Finish, Cut::Reset]);
        let (callers, servers) = load.dice.pick(&[(true, false), (false, true), (true, true)]);
        load.strike(format!("cut by {how:?}: callers {callers}, servers {servers}"));
        if callers {
            load.world.callers.cut(how);
        }
        if servers {
            load.world.servers.cut(how);
        }
    }
    load.end().await;
}
