//! Hashes of passwords that people choose: Argon2id with the parameters that OWASP recommends
//! (19 MiB, two passes), which are those of the library.

use argon2::Argon2;
use rand::{Rng as _, rand_core::UnwrapErr, rngs::SysRng};
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasswordHash {
    salt: [u8; 16],
    key: [u8; 32],
}

impl PasswordHash {
    /// The hash of a password with a fresh salt. Takes tens of milliseconds.
    pub(crate) fn of(password: &str) -> Option<Self> {
        let mut salt = [0; 16];
        UnwrapErr(SysRng).fill_bytes(&mut salt);
        let key = derive(password, &salt)?;
        Some(Self { salt, key })
    }

    /// Reads `<salt>.<key>`, both in hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (salt_digits, key_digits) = text.split_once('.')?;
        let (mut salt, mut key) = ([0; 16], [0; 32]);
        hex::decode_to_slice(salt_digits, &mut salt).ok()?;
        hex::decode_to_slice(key_digits, &mut key).ok()?;
        Some(Self { salt, key })
    }

    /// The text that it can be read from.
    pub(crate) fn to_text(&self) -> String {
        format!("{}.{}", hex::encode(self.salt), hex::encode(self.key))
    }

    pub(crate) fn verifies(&self, password: &str) -> bool {
        derive(password, &self.salt).is_some_and(|key| key.ct_eq(&self.key).into())
    }
}

/// `None` when there is no memory for it.
fn derive(password: &str, salt: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    // Keyboards write the same letters in several ways.
    let password = Zeroizing::new(password.nfc().collect::<String>());
    let made = Argon2::default().hash_password_into(password.as_bytes(), salt, &mut key);
    made.is_ok().then_some(key)
}
