//! Which ways people take through events.

use duckdb::{
    Connection,
    arrow::{
        array::{Array as _, ArrayRef, AsArray as _},
        datatypes::Int64Type,
    },
};
use paneld_analytics::{FlowMode, FlowPaths, FlowRequest};

use super::lists::{Part, each_list};
use crate::{
    Scope,
    duckdb::{
        fault::Fault,
        sql::{Sql, in_window, of_project},
    },
};

/// So many events are held at once. Each may be of another session, and lists of one event need most
/// memory.
const EVENTS_AT_ONCE: u64 = 300_000;

/// The paths of the sessions that have the start event.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: FlowRequest,
) -> Result<FlowPaths, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let happened = Sql::all([
        of_project("e", scope.key),
        in_window("e", request.window),
        Sql::new("e.session_id <> ''"),
    ]);
    let rows = count_rows(&snapshot, &happened, &request)?;
    let mut paths = FlowPaths::new(request.clone());
    for part in Part::all(rows, EVENTS_AT_ONCE) {
        let happened = Sql::all([happened.clone(), part.has("e.session_id")]);
        events(
            "list({'at': epoch_ms(e.created_at), 'id': e.id::BLOB, 'name': e.name})",
            &happened,
            &request,
        )
        .push(" GROUP BY e.session_id")
        .query_columns(&snapshot, |batch| {
            each_list(batch, |session| add(&mut paths, &session))
        })?;
    }
    Ok(paths)
}

/// How many events there are to look at, at most.
fn count_rows(
    connection: &Connection,
    happened: &Sql,
    request: &FlowRequest,
) -> Result<u64, Fault> {
    let all = Sql::new("SELECT count(*) FROM events e WHERE ").add(happened.clone());
    let all = all.query_row(connection, |row| row.get(0))?;
    if all <= EVENTS_AT_ONCE {
        return Ok(all);
    }
    events("count(*)", happened, request).query_row(connection, |row| row.get(0))
}

/// Something of the events of sessions that have the start event: from the first of these on, or
/// up to it.
fn events(columns: &str, happened: &Sql, request: &FlowRequest) -> Sql {
    let side = match request.mode {
        FlowMode::After | FlowMode::Between => ">=",
        FlowMode::Before => "<=",
    };
    let kept = match request.only() {
        Some(names) => Sql::new("e.name").among(names),
        None if request.exclude.is_empty() => Sql::new("TRUE"),
        None => {
            let names = request.exclude.iter().map(String::as_str);
            Sql::new("e.name").among(names).not()
        }
    };
    Sql::new(
        "WITH starts AS (
            SELECT e.session_id AS session, min(e.created_at) AS at FROM events e WHERE ",
    )
    .add(happened.clone())
    .push(" AND e.name = ")
    .add(Sql::text(&request.start))
    .push(&format!(
        " GROUP BY e.session_id)
        SELECT {columns} FROM events e JOIN starts ON starts.session = e.session_id
        WHERE e.created_at {side} starts.at AND "
    ))
    .add(Sql::all([happened.clone(), kept]))
}

/// Takes in the events of a session, by time and then by id.
fn add(paths: &mut FlowPaths, session: &ArrayRef) -> Result<(), Fault> {
    let events = session.as_struct_opt();
    let columns = events.map(|events| events.columns());
    let Some([times, ids, names]) = columns else {
        return Err(Fault::unexpected("three columns"));
    };
    let (Some(times), Some(ids), Some(names)) = (
        times.as_primitive_opt::<Int64Type>(),
        ids.as_binary_opt::<i32>(),
        names.as_string_opt::<i32>(),
    ) else {
        return Err(Fault::unexpected("a time, an id and a name"));
    };
    let mut order = (0..session.len()).collect::<Vec<_>>();
    order.sort_unstable_by_key(|&event| (times.value(event), ids.value(event)));
    let names = order
        .into_iter()
        .map(|event| paths.name(names.value(event)));
    let names = names.collect::<Vec<_>>();
    paths.add(names);
    if paths.is_full() {
        return Err(Fault::Memory("too many different ways".into()));
    }
    Ok(())
}
