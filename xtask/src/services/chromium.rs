//! A browser.

use anyhow::Result;

use super::CHROMIUM;
use super::programs::Needed;

/// Where Chromium is; it is installed where that is possible.
pub(crate) fn chromium() -> Result<String> {
    Needed {
        program: "chromium",
        package: "chromium",
        instead: CHROMIUM,
        folders: Vec::new,
    }
    .find_or_install()
}
