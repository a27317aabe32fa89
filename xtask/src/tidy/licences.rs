//! Licences of everything the workspace is built from.

use cargo_metadata::Metadata;
use spdx::{Expression, Licensee, ParseMode};

/// What may be linked into a program under MIT or Apache-2.0 without asking anything of its users but a notice.
/// MPL-2.0 asks for the sources of its own files only.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Zlib",
];

/// Packages that were looked at by hand, each with the reason why it may stay.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// One finding for each package whose licence is missing, unreadable or not allowed.
pub(super) fn findings(metadata: &Metadata) -> Vec<String> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        if EXCEPTIONS.iter().any(|(name, _)| package.name == *name) {
            continue;
        }
        if let Err(why) = judge(package.license.as_deref()) {
            findings.push(format!("{} {}: {why}", package.name, package.version));
        }
    }
    findings
}

/// Says why a package with this `license` field may not be used.
fn judge(license: Option<&str>) -> Result<(), String> {
    let license =
        license.ok_or("names no licence; look at it and add an exception with a reason")?;
    // Lax, because old packages write `MIT/Apache-2.0`.
    let expression = Expression::parse_mode(license, ParseMode::LAX)
        .map_err(|error| format!("cannot read the licence `{license}`: {}", error.reason))?;
    let allowed = expression.evaluate(|required| {
        ALLOWED.iter().any(|allowed| {
            Licensee::parse(allowed).is_ok_and(|licensee| licensee.satisfies(required))
        })
    });
    if allowed {
        Ok(())
    } else {
        Err(format!("its licence `{license}` is not allowed here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_allowed_licence_is_one_that_spdx_knows() {
        for allowed in ALLOWED {
            assert!(Licensee::parse(allowed).is_ok(), "{allowed}");
        }
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        for license in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT/Apache-2.0",
            "(GPL-2.0 OR ISC) AND Zlib",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert_eq!(judge(Some(license)), Ok(()), "{license}");
        }
    }

    #[test]
    fn every_part_of_a_conjunction_must_be_allowed() {
        for license in [
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "AGPL-3.0",
            "LGPL-2.1 OR SSPL-1.0",
            "Apache-2.0 WITH Swift-exception",
        ] {
            assert!(judge(Some(license)).is_err(), "{license}");
        }
    }

    #[test]
    fn a_missing_or_unknown_licence_is_not_allowed() {
        assert!(judge(None).is_err());
        assert!(judge(Some("")).is_err());
        assert!(judge(Some("My own licence")).is_err());
    }
}
