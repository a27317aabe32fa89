//! Which ways people take through events.

use std::collections::HashMap;

use duckdb::Connection;
use paneld_analytics::{FlowPaths, FlowRequest, FunnelUnit, NameId};
use quick_cache::DefaultHashBuilder;

use super::timelines::{Events, Follower, follow};
use crate::{
    Scope,
    duckdb::{
        fault::Fault,
        sql::{Sql, in_window, of_project},
    },
};

/// The paths of the sessions that have the start event.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: FlowRequest,
) -> Result<FlowPaths, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let happened = Sql::all([of_project("e", scope.key), in_window("e", request.window)]);
    let mut paths = FlowPaths::new(request.clone());
    let names = names(&snapshot, &happened, &request, &mut paths)?;
    check(&paths)?;
    let mut flow = Flow { paths, names };
    let events = Events {
        scope,
        window: request.window,
        unit: FunnelUnit::Session,
    };
    follow(&snapshot, &events, &mut flow)?;
    Ok(flow.paths)
}

/// The names of events that count, by their hashes.
fn names(
    snapshot: &Connection,
    happened: &Sql,
    request: &FlowRequest,
    paths: &mut FlowPaths,
) -> Result<HashMap<u64, NameId, DefaultHashBuilder>, Fault> {
    let kept = match request.only() {
        Some(names) => Sql::new("e.name").among(names),
        None if request.exclude.is_empty() => Sql::new("TRUE"),
        None => {
            let names = request.exclude.iter().map(String::as_str);
            Sql::new("e.name").among(names).not()
        }
    };
    // One more name than are looked at tells that there are too many.
    let most = FlowPaths::MOST + 1;
    let names = Sql::new("SELECT hash(e.name), e.name FROM events e WHERE ")
        .add(Sql::all([happened.clone(), kept]))
        .push(&format!(" GROUP BY e.name LIMIT {most}"));
    let names = names.query(snapshot, |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
    })?;
    let names = names.into_iter();
    Ok(names
        .map(|(hash, name)| (hash, paths.name(&name)))
        .collect())
}

fn check(paths: &FlowPaths) -> Result<(), Fault> {
    if paths.is_full() {
        return Err(Fault::Memory("too many different ways".into()));
    }
    Ok(())
}

/// What is kept is the way of a session.
struct Flow {
    paths: FlowPaths,
    names: HashMap<u64, NameId, DefaultHashBuilder>,
}

impl Follower for Flow {
    type Kind = NameId;
    type Piece = u32;
    const EMPTY: u32 = 0;
    const TELLS_TIES_APART: bool = true;

    fn pieces(&self) -> usize {
        self.paths.way_length()
    }

    fn kind_of(&self, name: u64) -> Option<NameId> {
        self.names.get(&name).copied()
    }

    fn take(&self, kept: &mut [u32], _last: i64, _at: i64, name: NameId) {
        self.paths.take(kept, name);
    }

    fn finish(&mut self, kept: &mut [u32], _last: i64) -> Result<(), Fault> {
        self.paths.add(kept, 1);
        check(&self.paths)
    }
}
