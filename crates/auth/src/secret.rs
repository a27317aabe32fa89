//! Secrets: made, read, hashed and compared, and never shown by accident.

use std::{fmt, str::FromStr};

use paneld_domain::InvalidValue;
use rand::{
    distr::{Alphanumeric, SampleString},
    rand_core::UnwrapErr,
    rngs::SysRng,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every generated secret starts with. It is never changed: scanners look for it.
const PREFIX: &str = "sec_";
/// 43 characters out of 62 hold 256 bits.
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;
const GENERATED_LENGTH: usize = PREFIX.len() + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret in the clear. It has no `Display`, `Clone` or serialization, and its `Debug` shows
/// nothing: only [`expose`](Self::expose) gives it away.
pub struct PlainSecret(String);

impl PlainSecret {
    /// A fresh secret from the operating system's generator: `sec_`, 43 random base62
    /// characters, and 6 that check all before.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing secret can be made then.
    pub fn generate() -> Self {
        let mut rng = UnwrapErr(SysRng);
        let mut secret = String::with_capacity(GENERATED_LENGTH);
        secret.push_str(PREFIX);
        Alphanumeric.append_string(&mut rng, &mut secret, RANDOM_CHARACTERS);
        let checksum = checksum(&secret);
        secret.push_str(&checksum);
        Self(secret)
    }

    /// The secret itself, for the one who may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlainSecret {
    type Err = InvalidValue;

    /// Reads a generated secret, whose checksum must be right, or an imported one: 16 to 256
    /// visible ASCII characters.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_well_formed(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(
                "must be a generated secret, or 16 to 256 visible ASCII characters",
            ))
        }
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainSecret(…)")
    }
}

/// Whether a text can be a secret at all: tested before any look-up, so that typing errors in
/// generated secrets cost nothing.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let looks_generated = text.len() == GENERATED_LENGTH
        && text
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    if looks_generated {
        let (body, check) = text.split_at(GENERATED_LENGTH - CHECKSUM_CHARACTERS);
        return checksum(body) == check;
    }
    (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The CRC32 of a text as six base62 digits, the most significant first.
fn checksum(text: &str) -> String {
    let mut crc = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(crc % 62) as usize];
        crc /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// A secret's hash, the only form in which it is kept. The stored text names the scheme.
///
/// SHA-256 is enough for 256 random bits: there is nothing to guess that a slow hash would
/// protect (NIST SP 800-63B, 5.1.2.2, asks for no more from 112 bits on).
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

const SHA256_SCHEME: &str = "sha256:";

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &PlainSecret) -> Self {
        Self::digest(secret.expose())
    }

    pub(crate) fn digest(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether both are the hash of the same secret; takes the same time for all of them.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The text to store.
    pub fn to_stored(&self) -> String {
        use fmt::Write;
        let mut text = String::from(SHA256_SCHEME);
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The hash in a stored text, or `None` when its scheme is unknown or it is damaged.
    pub fn from_stored(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(SHA256_SCHEME)?;
        let mut hash = [0; 32];
        if hex.len() != 2 * hash.len() || !hex.is_ascii() {
            return None;
        }
        for (byte, digits) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).ok()?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_generated_secret_has_the_documented_form() {
        let secret = PlainSecret::generate();
        let text = secret.expose();
        assert_eq!(text.len(), 53);
        assert!(text.starts_with("sec_"));
        assert!(text[4..].bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(is_well_formed(text));
        assert_ne!(text, PlainSecret::generate().expose());
    }

    #[test]
    fn the_checksum_is_crc32_in_base62() {
        // The check value of CRC-32 for these nine digits is 0xCBF43926.
        assert_eq!(checksum("123456789"), "3jZRME");
        let value = checksum("123456789").bytes().fold(0, |value, digit| {
            value * 62 + BASE62.iter().position(|&b| b == digit).unwrap()
        });
        assert_eq!(value, 0xCBF4_3926);
    }

    #[test]
    fn imported_secrets_are_visible_ascii_of_16_to_256() {
        for good in [
            "sec_0123456789abcdef0123",
            &"x".repeat(16),
            &"~".repeat(256),
        ] {
            assert!(good.parse::<PlainSecret>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "short",
            &"x".repeat(15),
            &"x".repeat(257),
            "has a blank in it",
            "ünïcödé-secret-ünï",
        ] {
            assert!(bad.parse::<PlainSecret>().is_err(), "{bad}");
        }
    }

    #[test]
    fn neither_form_shows_itself() {
        let secret = PlainSecret::generate();
        let hash = SecretHash::of(&secret);
        let shown = format!("{secret:?} {hash:?}");
        assert!(!shown.contains(&secret.expose()[4..10]));
        assert!(!shown.contains(&hash.to_stored()[7..15]));
    }

    #[test]
    fn a_stored_hash_names_its_scheme() {
        let hash = SecretHash::digest("abc");
        assert_eq!(
            hash.to_stored(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        for damaged in [
            "",
            "sha256:",
            "md5:900150983cd24fb0d6963f7d28e17f72",
            "sha256:zz",
        ] {
            assert!(SecretHash::from_stored(damaged).is_none(), "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn any_changed_character_of_a_generated_secret_is_noticed(
            place in 4usize..GENERATED_LENGTH, to in 0usize..62,
        ) {
            let text = PlainSecret::generate().expose().to_owned();
            let mut changed = text.clone().into_bytes();
            changed[place] = BASE62[to];
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(is_well_formed(&changed), changed == text);
        }

        #[test]
        fn a_hash_survives_storage_and_matches_only_its_secret(a in "[!-~]{16,80}", b in "[!-~]{16,80}") {
            let hash = SecretHash::of(&a.parse().unwrap());
            let read = SecretHash::from_stored(&hash.to_stored()).unwrap();
            prop_assert!(read.matches(&hash));
            prop_assert_eq!(read.matches(&SecretHash::of(&b.parse().unwrap())), a == b);
        }
    }
}
