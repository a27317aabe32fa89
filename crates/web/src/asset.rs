//! The files that are built in.

use std::borrow::Cow;

use actix_web::web::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

/// The page itself; all else it asks for.
pub(crate) const INDEX: &str = "index.html";
/// Where files are whose names change with their content.
const HASHED: &str = "assets/";
/// The ending of what is there compressed.
const COMPRESSED: &str = ".gz";

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/page"]
struct Page;

/// The scripts with which sites track.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/tracker"]
struct Tracker;

/// A file that is built in.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) content: Bytes,
    pub(crate) compressed: Option<Bytes>,
    /// What tells its content from any other.
    pub(crate) digest: String,
    pub(crate) content_type: String,
    /// For how long browsers keep it.
    pub(crate) caching: &'static str,
}

impl Asset {
    /// The file at a path below `/console/`.
    pub(crate) fn find(path: &str) -> Option<Self> {
        let caching = if path.starts_with(HASHED) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        Self::of::<Page>(path, caching)
    }

    /// A script with which sites track. Their visitors are not to ask for it on every page.
    pub(crate) fn tracker(name: &str) -> Option<Self> {
        Self::of::<Tracker>(name, "public, max-age=86400")
    }

    fn of<E: RustEmbed>(path: &str, caching: &'static str) -> Option<Self> {
        // Those are forms of other files, which have no addresses of their own.
        let file = E::get(path).filter(|_| !path.ends_with(COMPRESSED))?;
        let compressed = E::get(&format!("{path}{COMPRESSED}"));
        Some(Self {
            digest: hex::encode(&file.metadata.sha256_hash()[..16]),
            content_type: content_type(&file),
            content: bytes(file.data),
            compressed: compressed.map(|file| bytes(file.data)),
            caching,
        })
    }

    /// The page for where it is mounted: it was built for the root, and names its files by whole
    /// paths.
    pub(crate) fn index(prefix: &str) -> Option<Self> {
        let index = Self::find(INDEX)?;
        if prefix.is_empty() {
            return Some(index);
        }
        let text = String::from_utf8_lossy(&index.content);
        let content = text.replace("\"/console/", &format!("\"{prefix}/console/"));
        Some(Self {
            content: content.into(),
            compressed: None,
            digest: format!("{}{}", index.digest, prefix.replace('/', "-")),
            ..index
        })
    }
}

fn content_type(file: &EmbeddedFile) -> String {
    let name = file.metadata.mimetype();
    let is_text = name.starts_with("text/")
        || matches!(
            name,
            "application/json" | "application/javascript" | "image/svg+xml"
        );
    if is_text {
        format!("{name}; charset=utf-8")
    } else {
        name.to_owned()
    }
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}
