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
use zeroize::Zeroizing;

use crate::{imported::ImportedHash, password::PasswordHash};

/// What every generated secret starts with. It is never changed: scanners look for it.
const PREFIX: &str = "sec_";
/// 43 characters out of 62 hold 256 bits.
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;
const GENERATED_LENGTH: usize = PREFIX.len() + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret in the clear. It has no `Display`, `Clone` or serialization, and its `Debug` shows
/// nothing: only [`expose`](Self::expose) gives it away. Its memory is wiped when it is dropped.
pub struct PlainSecret(Zeroizing<String>);

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
        Self(Zeroizing::new(secret))
    }

    /// Whether it is hard to guess, also for whoever guesses in the way people choose. Generated
    /// ones are, our own and those of the public server; others must withstand some hundred
    /// billion guesses, which takes years at thousands a second.
    #[cfg(feature = "strength")]
    pub fn is_strong(&self) -> bool {
        const LEAST_GUESSES_LOG10: f64 = 11.0;
        is_generated(&self.0) || is_generated_elsewhere(&self.0) || {
            zxcvbn::zxcvbn(&self.0, &["paneld", "openpanel"]).guesses_log10() >= LEAST_GUESSES_LOG10
        }
    }

    /// A password as somebody typed it, in whatever form.
    pub(crate) fn of_person(password: &str) -> Self {
        Self(Zeroizing::new(password.to_owned()))
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
            Ok(Self(Zeroizing::new(text.to_owned())))
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
    if is_generated(text) {
        let (body, check) = text.split_at(GENERATED_LENGTH - CHECKSUM_CHARACTERS);
        return checksum(body) == check;
    }
    (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a text looks like one of our secrets.
fn is_generated(text: &str) -> bool {
    text.len() == GENERATED_LENGTH
        && text
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Whether a text looks like a secret of the public server: 20 hexadecimal digits.
#[cfg(feature = "strength")]
fn is_generated_elsewhere(text: &str) -> bool {
    const DIGITS: usize = 20;
    let rest = text.strip_prefix(PREFIX).unwrap_or_default();
    rest.len() == DIGITS && rest.bytes().all(|b| b.is_ascii_hexdigit())
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
/// protect (NIST SP 800-63B, 5.1.2.2, asks for no more from 112 bits on). Hashes that were
/// imported from the public server are scrypt's, and slow to check.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Scheme);

#[derive(Clone, PartialEq, Eq)]
enum Scheme {
    Sha256([u8; 32]),
    Scrypt(ImportedHash),
    Argon2id(PasswordHash),
}

const SHA256_SCHEME: &str = "sha256:";
const SCRYPT_SCHEME: &str = "scrypt:";
const ARGON2ID_SCHEME: &str = "argon2id:";

impl SecretHash {
    /// The hash of a secret, to be stored in its place.
    pub fn of(secret: &PlainSecret) -> Self {
        Self::digest(secret.expose())
    }

    pub(crate) fn digest(text: &str) -> Self {
        Self(Scheme::Sha256(Sha256::digest(text.as_bytes()).into()))
    }

    /// Reads a hash as the public server stores it: `<salt>.<key>`, made by scrypt with
    /// N = 16384, r = 8 and p = 1, both in hexadecimal digits (`docs/contract/track.md` §3.1).
    ///
    /// # Errors
    /// When the text is anything else.
    #[cfg(feature = "imported")]
    pub fn imported(text: &str) -> Result<Self, InvalidValue> {
        let hash = ImportedHash::parse(text).map(Scheme::Scrypt);
        hash.map(Self).ok_or(InvalidValue::new(
            "must be a scrypt hash: 32 hexadecimal digits of salt, a dot, and 64 of the key",
        ))
    }

    /// The hash of a password that somebody chose. Takes tens of milliseconds and 19 MiB of
    /// memory; `None` when that is not to be had.
    #[cfg(feature = "passwords")]
    pub fn of_password(password: &str) -> Option<Self> {
        PasswordHash::of(password).map(Scheme::Argon2id).map(Self)
    }

    /// Whether both are the same hash, made in the same way; takes the same time for all
    /// SHA-256 hashes.
    pub fn matches(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Scheme::Sha256(own), Scheme::Sha256(other)) => own.ct_eq(other).into(),
            (own, other) => own == other,
        }
    }

    /// Whether this is the hash of the secret. A slow hash takes tens of milliseconds and
    /// 16 MiB of memory: not for threads on which others wait.
    pub fn verifies(&self, secret: &PlainSecret) -> bool {
        match &self.0 {
            Scheme::Sha256(_) => self.matches(&Self::of(secret)),
            Scheme::Scrypt(hash) => hash.verifies(secret.expose()),
            Scheme::Argon2id(hash) => hash.verifies(secret.expose()),
        }
    }

    /// Whether checking a secret takes long.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self.0, Scheme::Scrypt(_) | Scheme::Argon2id(_))
    }

    /// The text to store, which begins with the name of the scheme.
    pub fn to_stored(&self) -> String {
        match &self.0 {
            Scheme::Sha256(hash) => format!("{SHA256_SCHEME}{}", hex::encode(hash)),
            Scheme::Scrypt(hash) => format!("{SCRYPT_SCHEME}{}", hash.to_text()),
            Scheme::Argon2id(hash) => format!("{ARGON2ID_SCHEME}{}", hash.to_text()),
        }
    }

    /// The hash in a stored text, or `None` when its scheme is unknown or it is damaged. Without
    /// the feature `imported`, the scheme of imported hashes is unknown.
    pub fn from_stored(text: &str) -> Option<Self> {
        let scheme = if let Some(digits) = text.strip_prefix(SHA256_SCHEME) {
            Scheme::Sha256(bytes_of(digits)?)
        } else if let Some(hash) = text.strip_prefix(ARGON2ID_SCHEME) {
            Scheme::Argon2id(PasswordHash::parse(hash)?)
        } else {
            Scheme::Scrypt(ImportedHash::parse(text.strip_prefix(SCRYPT_SCHEME)?)?)
        };
        Some(Self(scheme))
    }
}

fn bytes_of(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
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
            // As long as a generated one, without its prefix.
            &"x".repeat(GENERATED_LENGTH),
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

    #[cfg(feature = "strength")]
    #[test]
    fn what_people_choose_must_be_hard_to_guess() {
        let is_strong = |text: &str| text.parse::<PlainSecret>().unwrap().is_strong();
        for strong in [
            PlainSecret::generate().expose(),
            "sec_0123456789abcdef0123",
            "an-imported-secret-0123456789",
            "quite-another-secret-9876543210",
            "benchmark-only-not-a-secret",
            "crash-test-only-not-a-secret",
            "imported:secret:with:colons",
            "K8s7Qw2ZpL0xVn5T",
            "3f9c0e2ab7d14568",
            "correct-horse-battery-staple",
        ] {
            assert!(is_strong(strong), "{strong}");
        }
        for weak in [
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "1234567890123456",
            "0123456789abcdef",
            "passwordpassword",
            "Password12345678",
            "qwertyuiopasdfgh",
            "changemechangeme",
            "paneldpaneldpaneld",
            "abcabcabcabcabcabc",
            "secretsecretsecret",
        ] {
            assert!(!is_strong(weak), "{weak}");
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

    #[cfg(feature = "passwords")]
    #[test]
    fn a_password_is_hashed_slowly_and_never_twice_the_same() {
        let hash = SecretHash::of_password("correct horse").unwrap();
        assert!(hash.is_slow());
        let read = SecretHash::from_stored(&hash.to_stored()).unwrap();
        for hash in [&hash, &read] {
            assert!(hash.verifies(&PlainSecret::of_person("correct horse")));
            assert!(!hash.verifies(&PlainSecret::of_person("Correct horse")));
        }
        let composed = SecretHash::of_password("caf\u{e9} noir").unwrap();
        assert!(composed.verifies(&PlainSecret::of_person("cafe\u{301} noir")));
        let again = SecretHash::of_password("correct horse").unwrap();
        assert!(!again.matches(&hash));
        for damaged in ["argon2id:", "argon2id:00.00", "argon2id:x"] {
            assert!(SecretHash::from_stored(damaged).is_none(), "{damaged}");
        }
    }

    #[cfg(feature = "imported")]
    #[test]
    fn an_imported_hash_verifies_the_secret_it_was_made_of() {
        // The test vector of `docs/contract/track.md` §3.1.
        let imported = "00112233445566778899aabbccddeeff\
                        .bd3976c07549c674f6fb306f3c27790292cd8a72c62903037173fa346d7317b6";
        let hash = SecretHash::imported(imported).unwrap();
        assert!(hash.is_slow());
        assert!(hash.verifies(&PlainSecret("secret".to_owned().into())));
        assert!(!hash.verifies(&PlainSecret("Secret".to_owned().into())));
        assert_eq!(hash.to_stored(), format!("scrypt:{imported}"));
        let read = SecretHash::from_stored(&hash.to_stored()).unwrap();
        assert!(read.matches(&hash));
        assert!(!hash.matches(&SecretHash::digest("secret")));

        let (salt, key) = imported.split_once('.').unwrap();
        for damaged in [
            "",
            ".",
            salt,
            &format!("{salt}."),
            &format!(".{key}"),
            &format!("{}.{key}", &salt[1..]),
            &format!("{}g.{key}", &salt[1..]),
            &format!("{salt}.{}", &key[1..]),
            &format!("{salt}.{}g", &key[1..]),
            &format!("{salt}.{key}."),
            &format!("scrypt:{imported}"),
        ] {
            assert!(SecretHash::imported(damaged).is_err(), "{damaged}");
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
