//! Rows that are told as they are stored, and how many bytes an answer may have of them.

use std::collections::BTreeMap;

use paneld_analytics::Shown;
use paneld_domain::{Event, Group, Profile, Referrer, Session, Utm};

/// So many bytes has an answer that is told as it is.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// A row of which callers choose the size.
pub trait Wide {
    /// About how many bytes it has.
    fn bytes(&self) -> usize;
}

/// About how many bytes a row has without what callers choose.
const NARROW: usize = 1_000;

fn bytes_of(properties: &BTreeMap<String, String>) -> usize {
    let all = properties.iter();
    all.map(|(key, value)| key.len() + value.len()).sum()
}

impl Wide for Event {
    fn bytes(&self) -> usize {
        let Referrer { url, name, .. } = &self.referrer;
        let texts = [&self.path, &self.origin, url, name];
        let texts = texts.into_iter().chain(&self.groups);
        NARROW + bytes_of(&self.properties) + texts.map(String::len).sum::<usize>()
    }
}

impl Wide for Session {
    fn bytes(&self) -> usize {
        let pages = [
            &self.entry_path,
            &self.entry_origin,
            &self.exit_path,
            &self.exit_origin,
        ];
        let Referrer { url, name, .. } = &self.referrer;
        let Utm {
            source,
            medium,
            campaign,
            content,
            term,
        } = &self.utm;
        let ways = [url, name, source, medium, campaign, content, term];
        let texts = pages.into_iter().chain(ways).chain(&self.groups);
        NARROW + texts.map(String::len).sum::<usize>()
    }
}

impl Wide for Profile {
    fn bytes(&self) -> usize {
        let groups = self.groups.iter().map(String::len).sum::<usize>();
        NARROW + self.avatar.len() + bytes_of(&self.properties) + groups
    }
}

impl Wide for Group {
    fn bytes(&self) -> usize {
        NARROW + bytes_of(&self.properties)
    }
}

impl<T: Wide> Wide for Shown<T> {
    fn bytes(&self) -> usize {
        self.row.bytes()
    }
}
