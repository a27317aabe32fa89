use std::{net::Ipv4Addr, sync::LazyLock, time::Duration};

use paneld_domain::Place;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    fixture::{Row, city, file},
    *,
};
use crate::Places;

/// The networks of the reference run (`reference/requests.jsonl`) with the countries it was
/// answered; cities are made up.
const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/places.mmdb");

fn rows() -> Vec<Row> {
    let at = |longitude: f64, latitude: f64| Some((longitude, latitude));
    vec![
        (
            "2.125.160.0",
            24,
            city("GB", "England", "Oxford", at(-1.25, 51.75)),
        ),
        ("8.8.8.0", 24, city("US", "", "", at(-97.75, 37.75))),
        ("67.43.156.0", 24, city("US", "", "", at(-97.75, 37.75))),
        (
            "81.2.69.0",
            24,
            city("GB", "England", "London", at(-0.125, 51.5)),
        ),
        (
            "89.160.20.0",
            24,
            city("SE", "Östergötland County", "Linköping", at(15.625, 58.25)),
        ),
        ("149.101.100.0", 24, city("US", "", "", at(-97.75, 37.75))),
        (
            "175.16.199.0",
            24,
            city("CN", "Jilin", "Changchun", at(125.25, 43.75)),
        ),
        ("202.196.224.0", 20, city("CN", "", "", None)),
        (
            "216.160.83.0",
            24,
            city("US", "Washington", "Milton", at(-122.25, 47.25)),
        ),
        ("2001:218::", 32, city("JP", "", "Tokyo", at(139.75, 35.75))),
    ]
}

struct Files {
    dir: TempDir,
}

impl Files {
    fn new(bytes: &[u8]) -> Self {
        let files = Self {
            dir: TempDir::new().unwrap(),
        };
        files.write(bytes, 1);
        files
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("places.mmdb")
    }

    /// Writes the file as of a moment of its own, for a test is faster than the clock of a disk.
    fn write(&self, bytes: &[u8], moment: u64) {
        fs::write(self.path(), bytes).unwrap();
        let file = fs::File::options().write(true).open(self.path()).unwrap();
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + moment);
        file.set_modified(moment).unwrap();
    }

    fn open(&self) -> Places {
        Places::open(self.path()).unwrap()
    }
}

fn find(places: &Places, address: &str) -> Place {
    places.find(address.parse().unwrap())
}

#[test]
fn the_fixture_is_what_these_rows_make() {
    let bytes = file(&rows());
    assert!(
        bytes == FIXTURE,
        "run the test `write_the_fixture`, which is ignored"
    );
}

#[test]
#[ignore = "writes the file that other tests read"]
fn write_the_fixture() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/places.mmdb");
    fs::write(path, file(&rows())).unwrap();
}

#[test]
fn addresses_have_places() {
    let places = Files::new(FIXTURE).open();
    let linkoping = Place {
        country: "SE".into(),
        region: "Östergötland County".into(),
        city: "Linköping".into(),
        longitude: Some(15.625),
        latitude: Some(58.25),
    };
    assert_eq!(find(&places, "89.160.20.112"), linkoping);
    // Found in the file, then remembered, whatever the form of the address.
    assert_eq!(find(&places, "89.160.20.112"), linkoping);
    assert_eq!(find(&places, "::ffff:89.160.20.112"), linkoping);
    let tokyo = find(&places, "2001:218::1");
    assert_eq!(
        (tokyo.country.as_str(), tokyo.city.as_str()),
        ("JP", "Tokyo")
    );
}

#[test]
fn what_is_not_known_is_empty() {
    let places = Files::new(FIXTURE).open();
    let china = Place {
        country: "CN".into(),
        ..Place::default()
    };
    assert_eq!(find(&places, "202.196.224.5"), china);
    for address in ["1.1.1.1", "127.0.0.1", "::1", "2001:db8::1"] {
        assert_eq!(find(&places, address), Place::default(), "{address}");
    }
    assert_eq!(find(&Places::none(), "8.8.8.8"), Place::default());
    assert!(!Places::none().reload_if_changed().unwrap());
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let files = Files::new(b"no database");
    let error = Places::open(files.path()).unwrap_err();
    assert!(matches!(error, DatabaseError::Invalid { .. }), "{error}");
    files.write(&FIXTURE[..FIXTURE.len() / 2], 2);
    let error = Places::open(files.path()).unwrap_err();
    assert!(matches!(error, DatabaseError::Invalid { .. }), "{error}");
    let error = Places::open(files.dir.path().join("missing")).unwrap_err();
    assert!(matches!(error, DatabaseError::Unreadable { .. }), "{error}");
}

#[test]
fn a_changed_file_is_read_again() {
    let files = Files::new(FIXTURE);
    let places = files.open();
    assert_eq!(find(&places, "8.8.8.8").country, "US");
    assert!(!places.reload_if_changed().unwrap());
    files.write(&file(&[("8.8.8.0", 24, city("FR", "", "", None))]), 2);
    assert_eq!(find(&places, "8.8.8.8").country, "US");
    assert!(places.reload_if_changed().unwrap());
    assert_eq!(find(&places, "8.8.8.8").country, "FR");
    assert_eq!(find(&places, "81.2.69.160"), Place::default());
    assert!(!places.reload_if_changed().unwrap());
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_once() {
    let files = Files::new(FIXTURE);
    let places = files.open();
    files.write(b"half of a file", 2);
    assert!(places.reload_if_changed().is_err());
    assert!(!places.reload_if_changed().unwrap());
    assert_eq!(find(&places, "8.8.8.8").country, "US");
    fs::remove_file(files.path()).unwrap();
    assert!(places.reload_if_changed().is_err());
    assert!(!places.reload_if_changed().unwrap());
    assert_eq!(find(&places, "81.2.69.160").country, "GB");
    files.write(FIXTURE, 2);
    assert!(places.reload_if_changed().unwrap());
}

#[test]
fn the_cache_is_bounded() {
    let places = Files::new(FIXTURE).open();
    for number in 0..100_000_u32 {
        places.find(Ipv4Addr::from(number << 8).into());
    }
    let loaded = places.source.as_ref().unwrap().loaded();
    assert!(loaded.cache.weight() <= CACHED_BYTES);
    assert!(loaded.cache.len() > 1000);
}

static LOADED: LazyLock<Loaded<Place>> = LazyLock::new(|| Loaded {
    reader: Reader::from_source(FIXTURE.to_vec()).unwrap(),
    cache: Cache::with_weighter(CACHED, CACHED_BYTES, Weight),
});

proptest! {
    #[test]
    fn any_address_has_a_place_or_none(address in any::<IpAddr>()) {
        let loaded = &*LOADED;
        prop_assert_eq!(loaded.find(address), loaded.find(address));
    }

    #[test]
    fn any_bytes_are_a_file_or_not(
        cut in 0..FIXTURE.len(),
        flips in proptest::collection::vec((0..FIXTURE.len(), any::<u8>()), 0..8),
        address in any::<IpAddr>(),
    ) {
        let mut bytes = FIXTURE.to_vec();
        for (index, byte) in flips {
            bytes[index] = byte;
        }
        bytes.drain(..cut / 64);
        if let Ok(reader) = Reader::from_source(bytes) {
            let cache = Cache::with_weighter(1, 1, Weight);
            let _: Place = Loaded { reader, cache }.find(address);
        }
    }
}
