//! How many take a way step by step.

use paneld_analytics::{FunnelRequest, FunnelUnit};

use crate::{
    EventsError, Scope,
    clickhouse::{
        sql::{Sql, in_window, of_project},
        store::ClickHouseStore,
    },
};

/// There are fewer steps than this.
const STEPS: usize = 16;

impl ClickHouseStore {
    pub(crate) async fn funnel(
        &self,
        scope: Scope,
        request: FunnelRequest,
    ) -> Result<Vec<u64>, EventsError> {
        let levels = levels(&scope, &request);
        let steps = request.steps().len();
        self.read(async |client| {
            let mut reached = vec![0; steps + 1];
            for (level, units) in levels.fetch::<(u64, u64)>(&client).await? {
                reached[level as usize] = units;
            }
            Ok(reached)
        })
        .await
    }
}

/// How many sessions or profiles got how far.
///
/// An event is a row for each step that it may be. `windowFunnel` takes rows in the order of their
/// times: those of a millisecond are told apart so that the last step comes first, for nobody takes
/// two at the same time ([`FunnelRequest::advance`]).
fn levels(scope: &Scope, request: &FunnelRequest) -> Sql {
    let unit = match request.unit() {
        FunnelUnit::Session => "e.session",
        FunnelUnit::Profile => "e.visitor",
    };
    let steps = 1..=request.steps().len();
    let conditions = steps.map(|step| format!("step = {step}"));
    let conditions = conditions.collect::<Vec<_>>().join(", ");
    let within = request
        .within()
        .num_milliseconds()
        .saturating_mul(STEPS as i64);
    let names = request.step_names();
    let steps_of_name = names.iter().map(|(name, bits)| {
        let steps = (0..STEPS).filter(|step| bits & (1 << step) != 0);
        let steps = steps.map(|step| (step + 1).to_string());
        let steps = steps.collect::<Vec<_>>().join(", ");
        Sql::new("e.name = ")
            .add(Sql::text(name))
            .push(&format!(", [{steps}], "))
    });
    Sql::new(&format!(
        "SELECT toUInt64(level), count() FROM (
            SELECT unit, windowFunnel({within})(at, {conditions}) AS level FROM (
                SELECT {unit} AS unit, arrayJoin(multiIf("
    ))
    .add(Sql::join(steps_of_name, ""))
    .push(&format!(
        "[])) AS step,
                    toUInt64(toUnixTimestamp64Milli(e.created_at) * {STEPS} + {STEPS} - step) AS at
                FROM events e WHERE {unit} <> 0 AND "
    ))
    .add(of_project("e", scope.key))
    .push(" AND ")
    .add(in_window("e", request.window()))
    .push(" AND ")
    .add(Sql::new("e.name").among(names.iter().map(|(name, _bits)| *name)))
    .push(") GROUP BY unit) GROUP BY level")
}
