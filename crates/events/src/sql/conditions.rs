//! What filters mean, in SQL. The model is [`Filter::matches`], on texts; a test holds the two
//! together.

mod compare;
mod fields;
mod profiles;
mod values;

use paneld_analytics::{Column, Field, Filter, SessionFact, Window};

use self::{compare::compare, fields::Subject};
pub(crate) use self::{
    fields::Rows,
    values::{Joined, ValueOf},
};
use crate::{
    Scope,
    sql::{Dialect, Sql, in_window, of_project},
};

/// Which events and sessions count, of a project and in a window.
pub(crate) struct Conditions<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) scope: &'a Scope,
    pub(crate) window: Window,
    pub(crate) filters: &'a [Filter],
}

impl Conditions<'_> {
    /// Events `e` in the window that match all filters.
    pub(crate) fn events(&self) -> Sql {
        self.events_that(self.filters)
    }

    /// Sessions `s` that began in the window and match.
    ///
    /// A filter about the path asks what was seen: then an event in the window has to match all
    /// filters. Otherwise the session has to, and where filters are about what only events have,
    /// one event in the window has to match all those.
    pub(crate) fn sessions(&self) -> Sql {
        if self.filters.iter().any(Filter::is_about_path) {
            return Sql::all([self.began(), self.has_event(self.filters)]);
        }
        Sql::all([self.began(), self.session_matches()])
    }

    /// Sessions `s` that began in the window.
    pub(crate) fn began(&self) -> Sql {
        Sql::all([of_project("s", self.scope.key), in_window("s", self.window)])
    }

    /// That the session `s` matches all filters, where `path` is that of its entry.
    pub(crate) fn session_matches(&self) -> Sql {
        let (of_events, of_sessions): (Vec<_>, Vec<_>) = self
            .filters
            .iter()
            .cloned()
            .partition(|filter| is_about_events_only(filter.field()));
        let mut conditions = of_sessions
            .iter()
            .map(|filter| self.matches(filter, Rows::Sessions))
            .collect::<Vec<_>>();
        if !of_events.is_empty() {
            conditions.push(self.has_event(&of_events));
        }
        Sql::all(conditions)
    }

    /// Events `e` in the window.
    pub(crate) fn events_happened(&self) -> Sql {
        Sql::all([of_project("e", self.scope.key), in_window("e", self.window)])
    }

    /// That the event `e` matches all filters.
    pub(crate) fn events_match(&self) -> Sql {
        self.event_matches(self.filters)
    }

    fn event_matches(&self, match_all: &[Filter]) -> Sql {
        let filters = match_all.iter();
        Sql::all(filters.map(|filter| self.matches(filter, Rows::Events)))
    }

    fn events_that(&self, match_all: &[Filter]) -> Sql {
        Sql::all([self.events_happened(), self.event_matches(match_all)])
    }

    fn has_event(&self, match_all: &[Filter]) -> Sql {
        Sql::new("s.id IN (SELECT e.session_id FROM events e WHERE ")
            .add(self.events_that(match_all))
            .push(")")
    }

    /// That a row matches a filter.
    pub(crate) fn matches(&self, filter: &Filter, rows: Rows) -> Sql {
        self.holds(filter, Subject::of(self.dialect, filter.field(), rows))
    }

    /// That something fulfils a filter.
    fn holds(&self, filter: &Filter, subject: Subject) -> Sql {
        let dialect = self.dialect;
        match subject {
            Subject::One(value) => compare(dialect, filter, &value),
            Subject::Known(text) => {
                let text = text.unwrap_or(self.scope.id.as_str());
                Sql::new(if filter.matches(&[text]) {
                    "TRUE"
                } else {
                    "FALSE"
                })
            }
            Subject::Values { of_each, among } => {
                let value = fields::plain(dialect.entry_value());
                let is_such = Sql::all([of_each, compare(dialect, filter, &value)]);
                dialect.has_entry(&among, &is_such)
            }
            Subject::GroupIds { among } => {
                let is_such = compare(dialect, filter, &fields::plain("x"));
                dialect.has_element(&among, &is_such)
            }
            Subject::Groups { among, value } => self.has_group(filter, &among, &value),
            Subject::Profile { id, value } => {
                self.is_elsewhere(filter, &id, "profiles", "p", &value)
            }
            Subject::Session { id, value } => {
                self.is_elsewhere(filter, &id, "sessions", "s2", &value)
            }
            Subject::Performed { id } => self.performed(filter, &id),
        }
    }

    /// That the row of another table matches to which an id points. One that is not there has
    /// empty texts.
    fn is_elsewhere(
        &self,
        filter: &Filter,
        id: &str,
        table: &str,
        alias: &str,
        value: &fields::Operand,
    ) -> Sql {
        let holds_for_none = filter.matches(&[""]);
        let condition = compare(self.dialect, filter, value);
        let (operator, condition) = if holds_for_none {
            ("NOT IN", condition.not())
        } else {
            ("IN", condition)
        };
        let table = self.dialect.table(table, alias);
        Sql::new(&format!(
            "{id} {operator} (SELECT {alias}.id FROM {table} WHERE "
        ))
        .add(of_project(alias, self.scope.key))
        .push(" AND ")
        .add(condition)
        .push(")")
    }

    /// That one of the groups matches. One of which nothing is known has empty texts.
    fn has_group(&self, filter: &Filter, among: &str, value: &fields::Operand) -> Sql {
        let dialect = self.dialect;
        let ids_that = |condition: Sql| {
            let (ids, groups) = (dialect.collected("g.id"), dialect.table("groups", "g"));
            Sql::new(&format!("(SELECT {ids} FROM {groups} WHERE "))
                .add(of_project("g", self.scope.key))
                .push(" AND ")
                .add(condition)
                .push(")")
        };
        let condition = compare(dialect, filter, value);
        if filter.matches(&[""]) {
            // Not all of them are among those that do not match.
            return dialect.has_other(among, &ids_that(condition.not()));
        }
        dialect.has_any(among, &ids_that(condition))
    }

    /// That the session has an event of one of these names in the window; or none. Events without
    /// a session belong to none.
    fn performed(&self, filter: &Filter, id: &str) -> Sql {
        let matching = compare(self.dialect, filter, &fields::plain("e2.name"));
        let (operator, matching) = if filter.asks_for_absence() {
            ("NOT IN", matching.not())
        } else {
            ("IN", matching)
        };
        Sql::new(&format!(
            "{id} {operator} (SELECT e2.session_id FROM events e2 WHERE e2.session_id <> '' AND "
        ))
        .add(of_project("e2", self.scope.key))
        .push(" AND ")
        .add(in_window("e2", self.window))
        .push(" AND ")
        .add(matching)
        .push(")")
    }
}

/// Whether sessions have no such thing themselves.
fn is_about_events_only(field: &Field) -> bool {
    match field {
        Field::Property(_) => true,
        Field::Column(column) => matches!(
            column,
            Column::Name | Column::SdkName | Column::SdkVersion | Column::ImportedAt
        ),
        Field::Utm(_)
        | Field::HasProfile
        | Field::Profile(_)
        | Field::ProfileProperty(_)
        | Field::Group(_)
        | Field::GroupProperty(_)
        | Field::Session(
            SessionFact::ScreenViewCount
            | SessionFact::EventCount
            | SessionFact::Duration
            | SessionFact::Revenue
            | SessionFact::IsBounce
            | SessionFact::PerformedEvent,
        ) => false,
    }
}
