//! Doing something again and again.

use std::time::Duration;

use paneld_domain::ErrorChain;
use paneld_service::ServiceError;
use tokio::time::{MissedTickBehavior, interval};

/// Does some work at once and then each time that so much time has passed; later, where it takes
/// longer than that.
pub(crate) async fn every<F: Future<Output = ()>>(period: Duration, mut work: impl FnMut() -> F) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().await;
    }
}

/// Says in the log that something could not be done. The next time it may be.
pub(crate) fn report(what: &'static str, result: Result<(), ServiceError>) {
    if let Err(error) = result {
        tracing::warn!(error = %ErrorChain(&error), "{what}");
    }
}
