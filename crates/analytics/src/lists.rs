//! Lists of what was stored: events, sessions, profiles and groups. `docs/contract/insights.md`
//! §7.14 to §7.18.

use std::{collections::BTreeMap, str::FromStr};

use paneld_domain::{InvalidValue, Timestamp};

use crate::{
    filter::{Column, Filter},
    paging::Paging,
    window::Window,
};

/// Which events are listed, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct EventsRequest {
    /// The window in which an event has to have happened.
    pub window: Window,
    /// With one of these names; with any, when there is none.
    pub names: Vec<String>,
    /// With one of the texts in each of these columns, which hold texts.
    pub columns: Vec<(Column, Vec<String>)>,
    /// With these properties. One that is missing is an empty text.
    pub properties: BTreeMap<String, String>,
    /// That match all of these.
    pub filters: Vec<Filter>,
    /// Which part of the list.
    pub paging: Paging,
}

/// Which sessions are listed, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionsRequest {
    /// The window in which a session has to have begun.
    pub window: Window,
    /// With one of the texts in each of these columns, which hold texts.
    pub columns: Vec<(Column, Vec<String>)>,
    /// That match all of these.
    pub filters: Vec<Filter>,
    /// Which part of the list.
    pub paging: Paging,
}

/// Which profiles are listed, by the time when they were first seen.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfilesRequest {
    /// Each of these words is somewhere in the id, the address or the name, in any case.
    pub words: Vec<String>,
    /// This is somewhere in the address, in any case.
    pub email: Option<String>,
    /// With these properties. One that is missing is an empty text.
    pub properties: BTreeMap<String, String>,
    /// Only profiles that did nothing since this time.
    pub inactive_since: Option<Timestamp>,
    /// That had at least so many sessions.
    pub sessions: Option<u64>,
    /// That have an event of this name.
    pub performed: Option<String>,
    /// That match all of these.
    pub filters: Vec<Filter>,
    /// The order in which the profiles are listed.
    pub order: SortOrder,
    /// Which part of the list.
    pub paging: Paging,
}

impl ProfilesRequest {
    /// Of a name, so many words are looked for.
    pub const WORDS: usize = 5;

    /// The words of a name.
    pub fn words_of(name: &str) -> Vec<String> {
        let words = name.split_whitespace().take(Self::WORDS);
        words.map(str::to_owned).collect()
    }
}

/// Which groups are listed, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsRequest {
    /// Only groups of this type.
    pub kind: Option<String>,
    /// This is somewhere in the name or the id, in any case.
    pub search: Option<String>,
    /// Which part of the list.
    pub paging: Paging,
}

crate::filter::named! {
    /// Which end of a list comes first.
    SortOrder {
        /// The least, or the oldest.
        Ascending = "asc",
        /// The greatest, or the newest.
        Descending = "desc",
    }
}

impl FromStr for SortOrder {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::named(text).ok_or_else(|| InvalidValue::new("must be asc or desc"))
    }
}
