//! Timeline references: dated annotations on a project's charts.

use crate::{Description, Name, ProjectId, ReferenceId, Timestamp, organization::set};

/// A dated annotation: what happened that may explain a curve in a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The id under which it can be changed.
    pub id: ReferenceId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// What happened, in a few words.
    pub title: Name,
    /// More about what happened, if there is more to say.
    pub description: Option<Description>,
    /// When it happened, and so where it stands in charts.
    pub date: Timestamp,
    /// When the reference was made, whenever it happened.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A reference that is to be made, before it has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReference {
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// What happened, in a few words.
    pub title: Name,
    /// More about what happened, if there is more to say.
    pub description: Option<Description>,
    /// When it happened, and so where it stands in charts.
    pub date: Timestamp,
}

impl NewReference {
    /// The reference with this id.
    pub fn build(self, id: ReferenceId, now: Timestamp) -> Reference {
        Reference {
            id,
            project_id: self.project_id,
            title: self.title,
            description: self.description,
            date: self.date,
            created_at: now,
            updated_at: now,
        }
    }
}

/// What to change of a reference; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferenceChanges {
    /// The new title, if it is to have one.
    pub title: Option<Name>,
    /// A new description; `Some(None)` clears it.
    pub description: Option<Option<Description>>,
    /// The new date, if it is to have one.
    pub date: Option<Timestamp>,
}

impl ReferenceChanges {
    /// Makes the changes. Without any, `updated_at` stays as it is.
    pub fn apply(self, reference: &mut Reference, now: Timestamp) {
        if self == Self::default() {
            return;
        }
        let Self {
            title,
            description,
            date,
        } = self;
        set(&mut reference.title, title);
        set(&mut reference.description, description);
        set(&mut reference.date, date);
        reference.updated_at = now;
    }
}
