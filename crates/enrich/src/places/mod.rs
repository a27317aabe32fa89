//! Where a visitor is, by the address: `docs/contract/track.md` §5.7.

#[cfg(test)]
mod fixture;

use std::{
    fs,
    io::Error as IoError,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use maxminddb::{MaxMindDbError, Reader};
use paneld_domain::Place;
use quick_cache::{Weighter, sync::Cache};
use serde::Deserialize;
use thiserror::Error;

/// How many bytes the cache may take, and how many addresses that makes, about.
const CACHED_BYTES: u64 = 8 << 20;
const CACHED: usize = 32_768;
/// What an entry takes besides its texts.
const ENTRY: usize = 192;

/// Why a file of places cannot be used.
#[derive(Debug, Error)]
pub enum PlacesError {
    /// It is not there, or may not be read.
    #[error("cannot read the file of places {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: IoError,
    },
    /// It is no database in MaxMind's format, or not all of one.
    #[error("the file of places {path} is no usable MaxMind database")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: MaxMindDbError,
    },
}

/// Finds places in a file of MaxMind's format, such as GeoLite2-City or DB-IP City Lite.
///
/// The file is held in memory as it is: 65 MB for GeoLite2-City, read in 150 ms. An address takes 3 µs,
/// and 0.2 µs when it is remembered.
#[derive(Debug)]
pub struct Places {
    source: Option<Source>,
}

impl Places {
    /// Knows no places.
    pub fn none() -> Self {
        Self { source: None }
    }

    /// Knows those of a file, which is read at once.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is no such database.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, PlacesError> {
        let path = path.into();
        // First the stamp, so that a change while the file is read is seen later.
        let stamp = Stamp::of(&path)?;
        let loaded = Loaded::read(&path)?;
        Ok(Self {
            source: Some(Source {
                path,
                loaded: RwLock::new(Arc::new(loaded)),
                tried: Mutex::new(Some(stamp)),
            }),
        })
    }

    /// Where an address is; nowhere when it is not in the file.
    pub fn find(&self, address: IpAddr) -> Place {
        let source = self.source.as_ref();
        source.map_or_else(Place::default, |source| source.loaded().find(address))
    }

    /// Reads the file again if it has changed, and says whether it has. Meant to be called now and
    /// then, where waiting for a disk is allowed; look-ups go on meanwhile.
    ///
    /// # Errors
    ///
    /// If the changed file cannot be used. The places of the last good one stay, and the error is
    /// not repeated until the file changes again.
    pub fn reload_if_changed(&self) -> Result<bool, PlacesError> {
        match &self.source {
            Some(source) => source.reload_if_changed(),
            None => Ok(false),
        }
    }
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    loaded: RwLock<Arc<Loaded>>,
    /// What the file was when it was read last, whether or not it could be used; none when it was
    /// not there. Whoever reloads holds the lock.
    tried: Mutex<Option<Stamp>>,
}

impl Source {
    /// What was read last. The lock is held for no longer than it takes to count one more owner.
    fn loaded(&self) -> Arc<Loaded> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&loaded)
    }

    fn reload_if_changed(&self) -> Result<bool, PlacesError> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = match Stamp::of(&self.path) {
            Ok(stamp) => stamp,
            Err(error) => {
                let is_news = tried.take().is_some();
                return if is_news { Err(error) } else { Ok(false) };
            }
        };
        if tried.replace(stamp) == Some(stamp) {
            return Ok(false);
        }
        let loaded = Arc::new(Loaded::read(&self.path)?);
        let mut place = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, loaded);
        // The old file is given back to the system after the lock is.
        drop(place);
        drop(old);
        Ok(true)
    }
}

/// By what a file is seen to have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    fn of(path: &Path) -> Result<Self, PlacesError> {
        let metadata = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        Ok(Self {
            // Systems without such times have the length at least.
            modified: metadata.modified().ok(),
            length: metadata.len(),
        })
    }
}

fn unreadable(path: &Path, source: IoError) -> PlacesError {
    PlacesError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

/// A file in memory, with the places that were found in it.
#[derive(Debug)]
struct Loaded {
    reader: Reader<Vec<u8>>,
    cache: Cache<IpAddr, Place, Weight>,
}

impl Loaded {
    fn read(path: &Path) -> Result<Self, PlacesError> {
        let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
        let reader = Reader::from_source(bytes).map_err(|source| PlacesError::Invalid {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            reader,
            cache: Cache::with_weighter(CACHED, CACHED_BYTES, Weight),
        })
    }

    fn find(&self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        if let Some(place) = self.cache.get(&address) {
            return place;
        }
        // A broken record, or an IPv6 address where the file has none, is no place.
        let place = self.look_up(address).unwrap_or_default();
        self.cache.insert(address, place.clone());
        place
    }

    fn look_up(&self, address: IpAddr) -> Option<Place> {
        let found = self.reader.lookup(address).ok()?;
        let record: Record = found.decode().ok()??;
        Some(record.place())
    }
}

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

/// What an entry of the cache takes, in bytes.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<IpAddr, Place> for Weight {
    fn weight(&self, _: &IpAddr, place: &Place) -> u64 {
        let texts = place.country.len() + place.region.len() + place.city.len();
        u64::try_from(texts + ENTRY).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
