//! What filters mean for profiles.
//!
//! What a profile has itself is compared with its row: its columns and properties, its groups,
//! and where and with what it was last. Of everything else one event, or one session, has to
//! match all filters.

use paneld_analytics::{Column, Field, GroupColumn, ProfileColumn};

use super::{
    Conditions,
    fields::{self, Rows, Subject},
};
use crate::sql::{Dialect, Sql, of_project};

impl Conditions<'_> {
    /// That the profile `p` of the project matches all filters.
    pub(crate) fn profiles(&self) -> Sql {
        let mut conditions = vec![of_project("p", self.scope.key)];
        let (mut of_events, mut of_sessions) = (Vec::new(), Vec::new());
        for filter in self.filters {
            match Asked::of(self.dialect, filter.field()) {
                Asked::Profile(subject) => conditions.push(self.holds(filter, subject)),
                Asked::Events => of_events.push(self.matches(filter, Rows::Events)),
                Asked::Sessions => of_sessions.push(self.matches(filter, Rows::Sessions)),
            }
        }
        let (key, sessions) = (self.scope.key, self.dialect.table("sessions", "s"));
        if !of_events.is_empty() {
            of_events.insert(0, of_project("e", key));
            conditions.push(
                Sql::new("p.id IN (SELECT e.profile_id FROM events e WHERE ")
                    .add(Sql::all(of_events))
                    .push(")"),
            );
        }
        if !of_sessions.is_empty() {
            of_sessions.insert(0, of_project("s", key));
            conditions.push(
                Sql::new(&format!(
                    "p.id IN (SELECT s.profile_id FROM {sessions} WHERE "
                ))
                .add(Sql::all(of_sessions))
                .push(")"),
            );
        }
        Sql::all(conditions)
    }
}

/// Where a profile has what a filter is about.
enum Asked {
    Profile(Subject),
    Events,
    Sessions,
}

impl Asked {
    fn of(dialect: Dialect, field: &Field) -> Self {
        let groups = || "p.groups".to_owned();
        Self::Profile(match field {
            Field::Column(Column::ProjectId) => Subject::Known(None),
            // Who is not identified has no row.
            Field::HasProfile | Field::Profile(ProfileColumn::IsExternal) => {
                Subject::Known(Some("true"))
            }
            Field::Column(Column::ProfileId) => Subject::One(fields::plain("p.id")),
            Field::Column(column) if is_kept(*column) => {
                Subject::One(fields::property("p.properties", column.name()))
            }
            Field::Profile(column) => Subject::One(fields::profile_column(dialect, *column)),
            Field::ProfileProperty(key) => Subject::One(fields::property("p.properties", key)),
            Field::Group(GroupColumn::Id) => Subject::GroupIds { among: groups() },
            Field::Group(column) => Subject::Groups {
                among: groups(),
                value: fields::plain(&format!("g.{}", column.name())),
            },
            Field::GroupProperty(key) => Subject::Groups {
                among: groups(),
                value: fields::property("g.properties", key),
            },
            Field::Column(_) | Field::Utm(_) | Field::Property(_) => return Self::Events,
            Field::Session(_) => return Self::Sessions,
        })
    }
}

/// Whether profiles keep it, as a property of the same name: where they were last, and with what.
fn is_kept(column: Column) -> bool {
    matches!(
        column,
        Column::Country
            | Column::Region
            | Column::City
            | Column::Longitude
            | Column::Latitude
            | Column::Os
            | Column::OsVersion
            | Column::Browser
            | Column::BrowserVersion
            | Column::Device
            | Column::Brand
            | Column::Model
    )
}
