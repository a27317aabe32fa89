//! What an administrator changes of a profile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::bounds::{self, Room};

/// What an administrator changes of a profile. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileEdit {
    /// The first name; empty to clear it.
    pub first_name: Option<String>,
    /// The last name; empty to clear it.
    pub last_name: Option<String>,
    /// The e-mail address; empty to clear it.
    pub email: Option<String>,
    /// The URL of a picture; empty to clear it.
    pub avatar: Option<String>,
    /// Properties by name: a value, or `None` to remove it. All others stay.
    pub properties: BTreeMap<String, Option<String>>,
    /// The ids of all groups it belongs to from now on.
    pub groups: Option<BTreeSet<String>>,
}

impl Profile {
    /// Makes an administrator's changes, removals first. What was left out before is counted anew.
    pub fn edit(&mut self, edit: ProfileEdit) {
        self.left_out = 0;
        for (text, edited, fits) in [
            (
                &mut self.first_name,
                edit.first_name,
                bounds::is_name as fn(&str) -> bool,
            ),
            (&mut self.last_name, edit.last_name, bounds::is_name),
            (&mut self.email, edit.email, bounds::is_name),
            (&mut self.avatar, edit.avatar, bounds::is_picture),
        ] {
            match edited {
                Some(cleared) if cleared.is_empty() => text.clear(),
                Some(edited) => self.left_out += bounds::set(text, edited, fits),
                None => {}
            }
        }
        let mut told = Vec::new();
        for (name, value) in edit.properties {
            match value {
                Some(value) => told.push((name, value)),
                None => {
                    self.properties.remove(&name);
                }
            }
        }
        self.left_out += Room::OF_PEOPLE.put(&mut self.properties, told);
        if let Some(groups) = edit.groups {
            self.groups.retain(|group| groups.contains(group));
            self.left_out += bounds::join(&mut self.groups, groups);
        }
    }
}
