//! How many take a way step by step.

use duckdb::Connection;
use paneld_analytics::{FunnelRequest, NOT_BEGUN};

use super::timelines::{Events, Follower, NEVER, follow};
use crate::{
    Scope,
    duckdb::{fault::Fault, sql::Sql},
};

/// How many sessions or profiles took exactly so many steps, from none on.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: &FunnelRequest,
) -> Result<Vec<u64>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let events = Events {
        scope,
        window: request.window(),
        unit: request.unit(),
    };
    let mut funnel = Funnel {
        request,
        steps: steps(&snapshot, request)?,
        reached: vec![0; request.steps().len() + 1],
    };
    follow(&snapshot, &events, &mut funnel)?;
    Ok(funnel.reached)
}

/// Which steps an event may be, by the hash of its name.
type StepsByName = Vec<(u64, u16)>;

fn steps(snapshot: &Connection, request: &FunnelRequest) -> Result<StepsByName, Fault> {
    let names = request.step_names().into_iter();
    let hashes = names.map(|(name, steps)| {
        let hash = Sql::new("SELECT hash(")
            .add(Sql::text(name))
            .push("::VARCHAR)");
        Ok((hash.query_row(snapshot, |row| row.get(0))?, steps))
    });
    hashes.collect()
}

/// What is kept is when attempts began, as [`FunnelRequest::advance`] takes it, and behind that the
/// steps of the last millisecond: it is not over before a later event comes.
struct Funnel<'a> {
    request: &'a FunnelRequest,
    steps: StepsByName,
    reached: Vec<u64>,
}

impl Funnel<'_> {
    /// The last millisecond is over.
    fn advance(&self, kept: &mut [i64], last: i64) {
        if last != NEVER
            && let Some((steps, began)) = kept.split_last_mut()
        {
            self.request.advance(began, last, *steps as u16);
            *steps = 0;
        }
    }
}

impl Follower for Funnel<'_> {
    type Kind = u16;
    type Piece = i64;
    const EMPTY: i64 = NOT_BEGUN;
    /// Events of the same millisecond are one moment.
    const TELLS_TIES_APART: bool = false;

    fn pieces(&self) -> usize {
        self.request.steps().len() + 1
    }

    fn kind_of(&self, name: u64) -> Option<u16> {
        // They are few.
        let steps = self.steps.iter().find(|(known, _steps)| *known == name);
        steps.map(|(_name, steps)| *steps)
    }

    fn take(&self, kept: &mut [i64], last: i64, at: i64, steps: u16) {
        if at != last {
            self.advance(kept, last);
        }
        if let Some(so_far) = kept.last_mut() {
            // At first it has no bits of steps.
            *so_far |= i64::from(steps);
        }
    }

    fn finish(&mut self, kept: &mut [i64], last: i64) -> Result<(), Fault> {
        self.advance(kept, last);
        if let Some((_steps, began)) = kept.split_last() {
            self.reached[FunnelRequest::reached(began)] += 1;
        }
        Ok(())
    }
}
