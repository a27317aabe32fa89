//! Names and ids of series: `docs/contract/export.md` §6.5.

use std::collections::HashMap;

/// What a label is called that is empty.
pub(super) const NOT_SET: &str = "(not set)";

/// So many bytes of a name or a label are in an id; it is unique anyway.
const LONGEST: usize = 100;

/// The letter of an item: `A`, `B`, …
pub(super) fn letter(place: usize) -> String {
    let letter = u8::try_from(place)
        .ok()
        .filter(|place| *place < 26)
        .map(|place| char::from(b'A' + place));
    letter.map_or_else(|| format!("series-{place}"), String::from)
}

/// A text as ids have it: plain small letters, digits and hyphens.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in deunicode::deunicode(text).chars() {
        match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => slug.push(letter),
            letter
                if (letter == '-' || letter.is_whitespace())
                    && !slug.is_empty()
                    && !slug.ends_with('-') =>
            {
                slug.push('-');
            }
            _ => {}
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Gives out ids, each once.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<String, u32>);

impl Ids {
    /// The id of a series: of its item, its name and its labels. Where that is taken, a number is
    /// put behind.
    pub(super) fn of(&mut self, letter: &str, name: &str, labels: &[String]) -> String {
        let labels = labels.iter().map(|label| match label.as_str() {
            "" => NOT_SET,
            label => &label[..label.floor_char_boundary(LONGEST)],
        });
        let labels = labels.collect::<Vec<_>>().join("-");
        let name = &name[..name.floor_char_boundary(LONGEST)];
        let wanted = slug(&format!("{}-{letter}-{name}-{labels}", slug(name)));
        let mut id = wanted.clone();
        while self.0.contains_key(&id) {
            let count = self.0.entry(wanted.clone()).or_insert(1);
            *count += 1;
            id = format!("{wanted}-{count}");
        }
        self.0.insert(id.clone(), 1);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_dashboards_know_them() {
        let mut ids = Ids::default();
        let mut id = |name: &str, labels: &[&str]| {
            let labels: Vec<_> = labels.iter().map(|&label| label.to_owned()).collect();
            ids.of("A", name, &labels)
        };
        assert_eq!(id("screen_view", &["US"]), "screenview-a-screenview-us");
        assert_eq!(id("*", &[]), "a");
        assert_eq!(id("Köp nu", &[""]), "kop-nu-a-kop-nu-not-set");
    }

    #[test]
    fn ids_are_unique() {
        let mut ids = Ids::default();
        let mut id = |label: &str| ids.of("A", "x", &[label.to_owned()]);
        let all = ["/", "", "not set", "/", "(not set)-2"].map(&mut id);
        let mut unique = all.to_vec();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "{all:?}");
    }
}
