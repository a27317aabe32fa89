//! What a backup says of itself.

use paneld_domain::Timestamp;
use paneld_server::backup::Contents;
use serde::{Deserialize, Serialize};

/// The name of its file.
pub(super) const MANIFEST: &str = "manifest.json";
/// Raised whenever a version before could not restore it.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The version of the program that made it.
    pub(super) paneld: String,
    /// When it was begun: all that was acknowledged before is in it.
    pub(super) taken_at: Timestamp,
    /// What to do about a catalog that is not in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) catalog_missing: Option<String>,
    pub(super) files: Vec<FileEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileEntry {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// The checksum of all of it, in 64 hexadecimal digits.
    pub(super) sha256: String,
    #[serde(flatten)]
    pub(super) contents: Contents,
}
