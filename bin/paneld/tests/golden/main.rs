//! The golden data set in a real server, and every report of it beside an independent model.
//!
//! The data set is made once, for all checks: so this target has a `main` of its own, which
//! takes the arguments of any test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../suite/backends.rs"]
#[expect(dead_code, reason = "the suite needs more of it")]
mod backends;
#[path = "../suite/support.rs"]
#[expect(dead_code, reason = "the suite needs more of it")]
mod support;

mod checks;
mod compare;
mod data;
mod model;
mod random;
mod world;

use std::{
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use libtest_mimic::{Arguments, Trial};
use world::World;

fn main() -> ExitCode {
    let world = Arc::new(OnceLock::new());
    let trials = checks::all().into_iter().map(|(name, check)| {
        let world = Arc::clone(&world);
        Trial::test(name, move || {
            let world = world.get_or_init(World::new);
            check(world).map_err(Into::into)
        })
    });
    let trials = trials.collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    if let Some(world) = Arc::into_inner(world).and_then(OnceLock::into_inner) {
        world.stop();
    }
    conclusion.exit_code()
}
