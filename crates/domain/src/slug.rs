//! Slugs: the readable ids of projects and organizations, made from their names.

use deunicode::deunicode_char;
use rand::{Rng, RngExt};

/// The longest slug, its random suffix included.
const MAX_LENGTH: usize = 64;
/// How many names get a four-digit suffix before longer ones are tried.
const SHORT_SUFFIX_ATTEMPTS: u32 = 20;
const LOWER_ALPHANUMERIC: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The slug to try on this attempt, counted from zero: first the bare slug of `name`, then the
/// slug with random digits. A name that leaves nothing (`🚀`) gives `prefix` and six random
/// characters.
///
/// Only Latin letters are folded to ASCII (`Ä` to `a`, `ß` to `ss`); other scripts leave nothing.
pub(crate) fn candidate(name: &str, prefix: &str, attempt: u32, rng: &mut impl Rng) -> String {
    let slug = slug_of(name);
    if slug.is_empty() {
        return format!("{prefix}-{}", random(LOWER_ALPHANUMERIC, 6, rng));
    }
    let digits = match attempt {
        0 => return slug,
        1..=SHORT_SUFFIX_ATTEMPTS => 4,
        _ => 12,
    };
    let room = MAX_LENGTH - 1 - digits;
    let base = slug[..slug.len().min(room)].trim_end_matches('-');
    format!("{base}-{}", random(&LOWER_ALPHANUMERIC[..10], digits, rng))
}

/// Whether a text could be a slug: 1 to 64 lower-case ASCII letters, digits and hyphens.
pub(crate) fn is_slug(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn slug_of(name: &str) -> String {
    let mut slug = String::with_capacity(name.len().min(MAX_LENGTH));
    for character in name.chars() {
        match character {
            '&' => push_word(&mut slug, "-and-"),
            // A decomposed accent belongs to the letter before it.
            '\u{300}'..='\u{36f}' => {}
            '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => {
                push_word(&mut slug, deunicode_char(character).unwrap_or("-"));
            }
            _ => push_character(&mut slug, character),
        }
    }
    slug.truncate(MAX_LENGTH);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn push_word(slug: &mut String, word: &str) {
    for character in word.chars() {
        push_character(slug, character);
    }
}

/// Everything but ASCII letters and digits becomes one hyphen between words.
fn push_character(slug: &mut String, character: char) {
    if character.is_ascii_alphanumeric() {
        slug.push(character.to_ascii_lowercase());
    } else if !slug.is_empty() && !slug.ends_with('-') {
        slug.push('-');
    }
}

fn random(alphabet: &[u8], length: usize, rng: &mut impl Rng) -> String {
    (0..length)
        .map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn names_fold_to_readable_slugs() {
        for (name, slug) in [
            ("My Shop", "my-shop"),
            ("Ärlig Blogg & Co!", "arlig-blogg-and-co"),
            ("A\u{308}rlig", "arlig"),
            ("Straße", "strasse"),
            ("AT&T", "at-and-t"),
            ("  --x--  ", "x"),
            ("🚀", ""),
            ("Магазин", ""),
            ("🚀 launch", "launch"),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_candidate_is_a_slug(name in "\\PC{0,80}", attempt in 0u32..40, seed: u64) {
            let mut rng = StdRng::seed_from_u64(seed);
            let slug = candidate(&name, "project", attempt, &mut rng);
            prop_assert!(is_slug(&slug), "{slug}");
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
        }
    }
}
