//! Organizations: who owns projects and clients.

use std::{fmt, str::FromStr};

use chrono_tz::Tz;

use crate::{InvalidValue, Name, OrganizationId, Timestamp};

/// An organization: the border that no client can look across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The organization's readable id, made from its first name.
    pub id: OrganizationId,
    /// The name that people know it by.
    pub name: Name,
    /// The zone that decides where its days begin.
    pub zone: Zone,
    /// When the organization was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Organization {
    /// An organization that is named after its id, in UTC.
    pub fn new(id: OrganizationId, now: Timestamp) -> Self {
        Self {
            name: Name::stored(id.to_string()),
            id,
            zone: Zone::UTC,
            created_at: now,
            updated_at: now,
        }
    }
}

/// What to change of an organization; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationChanges {
    /// A new name for the organization.
    pub name: Option<Name>,
    /// A new zone for its days.
    pub zone: Option<Zone>,
}

impl OrganizationChanges {
    /// Makes the changes. Without any, `updated_at` stays as it is.
    pub fn apply(self, organization: &mut Organization, now: Timestamp) {
        if self == Self::default() {
            return;
        }
        let Self { name, zone } = self;
        set(&mut organization.name, name);
        set(&mut organization.zone, zone);
        organization.updated_at = now;
    }
}

/// An IANA time zone, such as `Europe/Stockholm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// UTC, the zone of an organization that never chose one.
    pub const UTC: Self = Self(Tz::UTC);

    /// The names of all zones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }
}

impl FromStr for Zone {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_unknown| {
            InvalidValue::new("must be an IANA time zone, such as Europe/Stockholm")
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// Puts the new value in place, if there is one.
pub(crate) fn set<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}
