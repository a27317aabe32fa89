//! What an administrator changes of a profile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

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
