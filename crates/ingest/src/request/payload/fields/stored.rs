//! Fields of rows in stored form, which are imported.

use std::ops::RangeInclusive;

use paneld_domain::Timestamp;

use super::{Fields, amount, as_number};
use crate::request::event_time;

impl Fields {
    /// An amount: a whole number, or one as text; 0 when it is not there.
    pub(crate) fn amount(&mut self, name: &str) -> u64 {
        let Some(told) = self.take(name) else {
            return 0;
        };
        amount(&told).unwrap_or_else(|| {
            self.problem(name, "must be a whole number, at least 0");
            0
        })
    }

    /// A country: its code or its name, as its code of two letters; empty when it is not there.
    pub(crate) fn country(&mut self, name: &str) -> String {
        let Some(told) = self.text(name) else {
            return String::new();
        };
        let spelled = told.chars().filter(|c| c.is_alphanumeric());
        let spelled = match spelled.collect::<String>() {
            // As everybody says, and ISO reserves for it.
            uk if uk.eq_ignore_ascii_case("uk") => "GB".to_owned(),
            other => other,
        };
        match spelled.parse::<celes::Country>() {
            Ok(country) => country.alpha2.to_owned(),
            Err(_) => {
                self.problem(name, "must be a country of ISO 3166, such as SE or Sweden");
                String::new()
            }
        }
    }

    /// Degrees, up to so many in each direction.
    pub(crate) fn degrees(&mut self, name: &str, most: f64) -> Option<f32> {
        let told = self.take(name)?;
        let number = as_number(&told).filter(|number| number.abs() <= most);
        if number.is_none() {
            self.problem(name, &format!("must be a number from -{most} to {most}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "places are not that exact")]
        number.map(|number| number as f32)
    }

    /// A moment that must be there, and be one of these: in stored form, that is in UTC without
    /// saying so, or in any form that events may have.
    pub(crate) fn stored_moment(
        &mut self,
        name: &str,
        among: &RangeInclusive<Timestamp>,
    ) -> Option<Timestamp> {
        let told = self.take(name).unwrap_or_default();
        let moment = event_time::read(&told).and_then(Timestamp::from_timestamp_millis);
        match moment {
            Some(moment) if among.contains(&moment) => return Some(moment),
            Some(moment) if moment < *among.start() => {
                self.problem(name, "must not be before 2000-01-01");
            }
            Some(_) => self.problem(name, "must not be more than a day in the future"),
            None => self.problem(name, "must be a date-time, such as 2026-01-15 10:00:00.000"),
        }
        None
    }

    /// A text of so many bytes at most.
    pub(crate) fn text_of(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.len() > longest {
            self.problem(name, &format!("must be at most {longest} bytes long"));
            return None;
        }
        Some(text)
    }
}
