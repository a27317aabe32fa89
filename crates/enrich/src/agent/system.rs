//! Which operating system it is.

use super::tokens::{Tokens, behind, leading_version};

/// What marketing calls the versions of Windows NT.
const WINDOWS: &[(&str, &str)] = &[
    ("10.0", "10"),
    ("6.4", "10"),
    ("6.3", "8.1"),
    ("6.2", "8"),
    ("6.1", "7"),
    ("6.0", "Vista"),
    ("5.2", "XP"),
    ("5.1", "XP"),
    ("5.01", "2000"),
    ("5.0", "2000"),
];

/// Systems that name themselves at the beginning of a part of a comment, before those that say
/// `Linux` or `Android`, too.
const NAMED: &[(&str, &str)] = &[
    ("Windows Phone OS", "Windows Phone"),
    ("Windows Phone", "Windows Phone"),
    ("Windows Mobile", "Windows Mobile"),
    ("Windows CE", "Windows CE"),
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "OpenHarmony"),
    ("Tizen", "Tizen"),
    ("KAIOS", "KAIOS"),
    ("KaiOS", "KAIOS"),
    ("Sailfish", "Sailfish"),
    ("Fuchsia", "Fuchsia"),
    ("Web0S", "webOS"),
    ("webOS", "webOS"),
    ("BB10", "BlackBerry"),
    ("BlackBerry", "BlackBerry"),
    ("PlayStation", "PlayStation"),
    ("Nintendo", "Nintendo"),
    ("Symbian", "Symbian"),
    ("SymbianOS", "Symbian"),
    ("CrOS", "Chrome OS"),
    ("Android", "Android"),
];

/// Apple's systems as apps write them, perhaps with a device before: `iPhone16,2; iOS 17.4`.
const APPLE: &[(&str, &str)] = &[
    ("iPadOS", "iOS"),
    ("iPhone OS", "iOS"),
    ("CPU iPhone OS", "iOS"),
    ("CPU OS", "iOS"),
    ("CPU iPad OS", "iOS"),
    ("iOS", "iOS"),
    ("watchOS", "watchOS"),
    ("tvOS", "tvOS"),
    ("visionOS", "visionOS"),
    ("Intel Mac OS X", "macOS"),
    ("PPC Mac OS X", "macOS"),
    ("Mac OS X", "macOS"),
    ("macOS", "macOS"),
];

/// Distributions of Linux and other systems for desktops. `Linux` is the last that is asked.
const UNIX: &[(&str, &str)] = &[
    ("Ubuntu", "Ubuntu"),
    ("Debian", "Debian"),
    ("Fedora", "Fedora"),
    ("SUSE", "SUSE"),
    ("Gentoo", "Gentoo"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("NetBSD", "NetBSD"),
    ("SunOS", "Solaris"),
    ("Haiku", "Haiku"),
    ("Linux", "Linux"),
];

/// The last version of iOS that user agents name: from iOS 26 on, Safari says 18 for all time.
const FROZEN_IOS: u32 = 18;
/// The version of Safari that came with the first iOS behind [`FROZEN_IOS`], and has its number.
const FIRST_BEHIND_FROZEN_IOS: u32 = 26;

/// The name and version of the operating system; both empty when there is none.
pub(super) fn system(tokens: &Tokens) -> (&'static str, String) {
    let found = named(tokens, NAMED)
        .or_else(|| windows(tokens))
        .or_else(|| named(tokens, APPLE).map(|found| thawed(tokens, found)))
        .or_else(|| facebook(tokens))
        .or_else(|| darwin(tokens))
        .or_else(|| roku(tokens))
        .or_else(|| unix(tokens));
    found.unwrap_or_default()
}

/// The system with the version that Safari tells, where iOS freezes its own.
fn thawed(tokens: &Tokens, (name, version): (&'static str, String)) -> (&'static str, String) {
    let safari = leading_version(tokens.version("Version").unwrap_or_default());
    let is_frozen = name == "iOS" && major(&version) == Some(FROZEN_IOS);
    if is_frozen && major(&safari) >= Some(FIRST_BEHIND_FROZEN_IOS) {
        return (name, safari);
    }
    (name, version)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// Facebook's apps name the system in fields of their own, some of them nowhere else:
/// `[FBAN/FBIOS;FBSN/iOS;FBSV/17.5]`.
fn facebook(tokens: &Tokens) -> Option<(&'static str, String)> {
    let name = match tokens.version("FBSN")? {
        name if name.eq_ignore_ascii_case("Android") => "Android",
        // Older ones say `iPhone OS`, of which the first word is left.
        "iOS" | "iPadOS" | "iPhone" => "iOS",
        _ => return None,
    };
    let version = tokens.version("FBSV").unwrap_or_default();
    Some((name, leading_version(version)))
}

/// `Roku/DVP-12.5 (12.5.0.4178)`, or with the number of the model: `Roku4640X/DVP-7.70`.
fn roku(tokens: &Tokens) -> Option<(&'static str, String)> {
    let name = tokens.names().find(|name| name.starts_with("Roku"))?;
    let version = tokens.version(name)?;
    let version = version.trim_start_matches(|char: char| !char.is_ascii_digit());
    Some(("Roku OS", leading_version(version)))
}

fn named(tokens: &Tokens, table: &[(&str, &'static str)]) -> Option<(&'static str, String)> {
    table.iter().find_map(|(word, name)| {
        // Apps write it outside of comments, too: `okhttp/4.9.3 Android/13`.
        let product = || tokens.version(word).filter(|version| !version.is_empty());
        let rest = tokens.after(word).or_else(product)?;
        // `CrOS x86_64 14541.0.0` has the processor between.
        let rest = match *name {
            "Chrome OS" => rest.split_once(' ').map_or("", |(_, version)| version),
            _ => rest,
        };
        Some((*name, leading_version(rest)))
    })
}

fn windows(tokens: &Tokens) -> Option<(&'static str, String)> {
    if let Some(version) = tokens.after("Windows NT") {
        let version = leading_version(version);
        let known = WINDOWS.iter().find(|(number, _)| *number == version);
        let version = known.map_or(version, |(_, name)| (*name).to_owned());
        return Some(("Windows", version));
    }
    let version = tokens.after("Windows").or(tokens.after("Win"))?;
    Some(("Windows", leading_version(version)))
}

/// Apps that leave the user agent to Apple's network library: `App/1 CFNetwork/1494 Darwin/23.4`.
/// Most of them run on phones, and Darwin's version is not that of iOS.
fn darwin(tokens: &Tokens) -> Option<(&'static str, String)> {
    let is_apples = tokens.has("CFNetwork") && tokens.has("Darwin");
    is_apples.then(|| ("iOS", String::new()))
}

fn unix(tokens: &Tokens) -> Option<(&'static str, String)> {
    UNIX.iter().find_map(|(word, name)| {
        // Servers' libraries say `Linux/6.1` outside of comments, and no browser does.
        let product = tokens.version(word).filter(|_| *name != "Linux");
        if let Some(version) = product {
            return Some((*name, leading_version(version)));
        }
        let part = tokens.parts().find_map(|part| {
            // `X11; Linux x86_64`, and `X11 Linux` of some.
            behind(part, word).or_else(|| behind(behind(part, "X11")?, word))
        })?;
        // What follows is a version or, mostly, the processor, which is none: `Linux x86_64`.
        Some((*name, leading_version(part)))
    })
}
