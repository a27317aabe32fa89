//! Hashes of the public server, which are scrypt's with N = 16384, r = 8 and p = 1
//! (`docs/contract/track.md` §3.1).

use subtle::ConstantTimeEq as _;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ImportedHash {
    /// The 32 hexadecimal digits themselves, not what they stand for.
    salt: [u8; 32],
    key: [u8; 32],
}

impl ImportedHash {
    /// Reads `<salt>.<key>`, both in hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (salt, key) = text.split_once('.')?;
        let is_hexadecimal = salt.bytes().all(|digit| digit.is_ascii_hexdigit());
        let salt = salt.as_bytes().try_into().ok().filter(|_| is_hexadecimal)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(key, &mut bytes).ok()?;
        Some(Self { salt, key: bytes })
    }

    /// The text that it was read from, but for the case of its key.
    pub(crate) fn to_text(&self) -> String {
        let salt = String::from_utf8_lossy(&self.salt);
        format!("{salt}.{}", hex::encode(self.key))
    }

    /// Whether it was made of this secret. It takes some dozen milliseconds to find out.
    pub(crate) fn verifies(&self, secret: &str) -> bool {
        const LOG_N: u8 = 14;
        const R: u32 = 8;
        const P: u32 = 1;
        let mut key = [0; 32];
        // Nothing is wrong with these parameters; if scrypt says otherwise, the secret is.
        let made = scrypt::Params::new(LOG_N, R, P).is_ok_and(|params| {
            scrypt::scrypt(secret.as_bytes(), &self.salt, &params, &mut key).is_ok()
        });
        made && key.ct_eq(&self.key).into()
    }
}
