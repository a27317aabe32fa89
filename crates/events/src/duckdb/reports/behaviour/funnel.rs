//! How many take a way step by step.

use duckdb::{
    Connection,
    arrow::{array::AsArray as _, datatypes::Int64Type},
};
use paneld_analytics::{FunnelRequest, StepMoment};

use super::lists::{Part, each_list};
use crate::{
    Scope,
    duckdb::{
        fault::Fault,
        sql::{Sql, in_window, of_project},
    },
};

/// So many events are held at once.
const EVENTS_AT_ONCE: u64 = 2_000_000;

/// A moment and the steps are one number; these bits are the steps.
const STEP_BITS: usize = FunnelRequest::MOST_STEPS;

/// How many sessions or profiles took exactly so many steps, from none on.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: &FunnelRequest,
) -> Result<Vec<u64>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let id = format!("e.{}", request.unit().name());
    let names = request.step_names();
    let events = Sql::new("FROM events e WHERE ")
        .add(of_project("e", scope.key))
        .push(" AND ")
        .add(in_window("e", request.window()))
        .push(&format!(" AND {id} <> '' AND "))
        .add(Sql::new("e.name").among(names.iter().map(|(name, _steps)| *name)));
    let rows = Sql::new("SELECT count(*) ").add(events.clone());
    let rows = rows.query_row(&snapshot, |row| row.get(0))?;
    let mut steps = Sql::new("CASE e.name");
    for (name, bits) in &names {
        steps = steps
            .push(" WHEN ")
            .add(Sql::text(name))
            .push(&format!(" THEN {bits}"));
    }
    let start = request.window().start.timestamp_millis();
    let moments = Sql::new("SELECT list((epoch_ms(e.created_at) - ")
        .add(Sql::number(start))
        .push(&format!("::BIGINT) * {} + ", 1 << STEP_BITS))
        .add(steps)
        .push(" END) ")
        .add(events);
    let mut reached = vec![0; request.steps().len() + 1];
    for part in Part::all(rows, EVENTS_AT_ONCE) {
        moments
            .clone()
            .push(" AND ")
            .add(part.has(&id))
            .push(&format!(" GROUP BY {id}"))
            .query_columns(&snapshot, |batch| {
                each_list(batch, |list| {
                    let numbers = list.as_primitive_opt::<Int64Type>();
                    let numbers = numbers.ok_or_else(|| Fault::unexpected("a number"))?;
                    let mut moments = numbers.values().iter().map(moment).collect::<Vec<_>>();
                    reached[request.reached(&mut moments)] += 1;
                    Ok(())
                })
            })?;
    }
    Ok(reached)
}

#[expect(clippy::cast_sign_loss, reason = "the lowest bits are the steps")]
fn moment(number: &i64) -> StepMoment {
    StepMoment {
        at_ms: number >> STEP_BITS,
        steps: (number & ((1 << STEP_BITS) - 1)) as u16,
    }
}
