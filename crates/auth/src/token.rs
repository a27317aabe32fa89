//! Tokens: random bytes that stand for something in the store, which keeps their hashes alone.

use std::{fmt, str::FromStr};

use paneld_domain::InvalidValue;
use rand::{Rng as _, rand_core::UnwrapErr, rngs::SysRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// How many random bytes a token has.
const BYTES: usize = 32;

/// 32 random bytes, written as 64 hexadecimal digits: what a cookie or a link carries. Like a
/// [`PlainSecret`](crate::PlainSecret) it shows itself to nobody but who asks for it by name.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A fresh token from the operating system's generator.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing secret can be made then.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        UnwrapErr(SysRng).fill_bytes(bytes.as_mut());
        Self(Zeroizing::new(hex::encode(&bytes)))
    }

    /// The token itself, for the one who may have it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The token that this one and a text stand for together, for this purpose.
    pub(crate) fn derive(&self, purpose: &str, text: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [purpose, self.expose(), text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(Zeroizing::new(hex::encode(hash.finalize())))
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl FromStr for Token {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 2 * BYTES && text.bytes().all(is_digit) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(InvalidValue::new(
                "must be 64 lower-case hexadecimal digits",
            ))
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a token, by which it is found. 256 random bits need no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The text to store: hexadecimal digits.
    pub fn to_stored(self) -> String {
        hex::encode(self.0)
    }

    /// The hash in a stored text, or `None` when that is damaged.
    pub fn from_stored(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_shows_itself_to_nobody() {
        let token = Token::generate();
        let read = token.expose().parse::<Token>().unwrap();
        assert!(read.hash() == token.hash());
        assert!(Token::generate().hash() != token.hash());
        let shown = format!("{token:?} {:?}", token.hash());
        assert!(!shown.contains(&token.expose()[..8]));
        assert!(TokenHash::from_stored(&token.hash().to_stored()) == Some(token.hash()));
    }

    #[test]
    fn nothing_else_is_a_token() {
        let good = "0123456789abcdef".repeat(4);
        good.parse::<Token>().unwrap();
        for bad in [
            "",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
            &"g".repeat(64),
        ] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }
}
