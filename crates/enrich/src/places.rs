//! Where a visitor is, by the address: `docs/contract/track.md` §5.7.

use maxminddb::LookupResult;
use paneld_domain::Place;
use serde::Deserialize;

use crate::database::{Database, Known};

/// Finds places in a file such as GeoLite2-City or DB-IP City Lite.
pub type Places = Database<Place>;

/// What is wanted of a record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    city: Option<Named<'a>>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
    location: Option<Location>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    longitude: Option<f64>,
    latitude: Option<f64>,
}

impl Known for Place {
    fn read(record: &LookupResult<'_, Vec<u8>>) -> Option<Self> {
        Some(record.decode::<Record>().ok()??.place())
    }

    fn text_bytes(&self) -> usize {
        self.country.len() + self.region.len() + self.city.len()
    }
}

impl Record<'_> {
    fn place(&self) -> Place {
        let country = self.country.as_ref().and_then(|country| country.iso_code);
        let location = self.location.as_ref();
        Place {
            country: country.unwrap_or_default().to_owned(),
            region: name(self.subdivisions.first()),
            city: name(self.city.as_ref()),
            longitude: degrees(location.and_then(|location| location.longitude)),
            latitude: degrees(location.and_then(|location| location.latitude)),
        }
    }
}

fn name(named: Option<&Named>) -> String {
    let names = named.and_then(|named| named.names.as_ref());
    let name = names.and_then(|names| names.en);
    name.unwrap_or_default().to_owned()
}

/// As much of a coordinate as is stored.
fn degrees(value: Option<f64>) -> Option<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a few metres are lost, the file is wrong by kilometres"
    )]
    value.map(|value| value as f32)
}
