//! Requests that are carried out at most once: `docs/contract/manage.md` §7.
//!
//! The reply to the first of them is kept, sealed: encrypted with a key derived from the
//! caller's own secret, the idempotency key and the request itself. Whoever holds the catalog
//! cannot read it; and another request under the same key, or another secret, cannot open it.

use std::{fmt, str::FromStr};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _,
    aead::{Aead as _, Generate as _, Nonce},
};
use hkdf::Hkdf;
use paneld_domain::{ClientId, InvalidValue};
use sha2::{Digest as _, Sha256};

/// What a caller names a request by, so that it is not carried out twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl FromStr for IdempotencyKey {
    type Err = InvalidValue;

    /// 1 to 255 visible ASCII characters.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(
                "must be 1 to 255 visible ASCII characters",
            ))
        }
    }
}

/// A request as it is compared with another of the same idempotency key.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The HTTP method of the request.
    pub method: &'a str,
    /// The path as it was asked for.
    pub path: &'a str,
    /// The body, byte by byte.
    pub body: &'a [u8],
}

/// Seals the reply to one request, and opens it when the same caller makes the same request
/// again.
#[derive(Clone)]
pub struct ReplySeal {
    client_id: ClientId,
    key_digest: [u8; 32],
    cipher: ChaCha20Poly1305,
}

const INFO: &[u8] = b"paneld idempotent reply 1";
const NONCE_BYTES: usize = 12;

impl ReplySeal {
    /// The seal of a request by a client that has proven itself with this secret.
    pub fn new(
        client_id: ClientId,
        secret: &str,
        key: &IdempotencyKey,
        request: RequestParts<'_>,
    ) -> Self {
        let id = client_id.to_string();
        let key_digest = digest([id.as_bytes(), key.0.as_bytes()]);
        let RequestParts { method, path, body } = request;
        let request = digest([method.as_bytes(), path.as_bytes(), body]);
        let mut sealing_key = chacha20poly1305::Key::default();
        // 32 bytes are far from the most that HKDF can give, the one error there is.
        let _ = Hkdf::<Sha256>::new(Some(id.as_bytes()), secret.as_bytes())
            .expand_multi_info(&[INFO, &key_digest, &request], &mut sealing_key);
        Self {
            client_id,
            key_digest,
            cipher: ChaCha20Poly1305::new(&sealing_key),
        }
    }

    /// The client whose request it is.
    pub fn client_id(&self) -> ClientId {
        self.client_id
    }

    /// By what the reply is found: a digest of the client's id and the idempotency key. It stays
    /// the same when the client's secret is replaced.
    pub fn key_digest(&self) -> [u8; 32] {
        self.key_digest
    }

    /// Seals a reply, for its caller alone.
    pub fn seal(&self, reply: &[u8]) -> Vec<u8> {
        let nonce = Nonce::<ChaCha20Poly1305>::generate();
        // Only messages of 256 GiB are too long, the one error there is.
        let sealed = self.cipher.encrypt(&nonce, reply).unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// The reply, if it was sealed for this request and with this secret.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::<ChaCha20Poly1305>::try_from(nonce).ok()?;
        self.cipher.decrypt(&nonce, sealed).ok()
    }
}

impl fmt::Debug for ReplySeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplySeal({})", self.client_id)
    }
}

/// The SHA-256 of parts, each behind its length: no two lists of parts look the same.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: RequestParts<'_> = RequestParts {
        method: "POST",
        path: "/manage/clients",
        body: b"{}",
    };

    fn id(text: &str) -> ClientId {
        text.parse().unwrap()
    }

    fn seal(client: &str, secret: &str, key: &str, request: RequestParts<'_>) -> ReplySeal {
        ReplySeal::new(id(client), secret, &key.parse().unwrap(), request)
    }

    const A: &str = "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9";
    const B: &str = "b8904453-863d-4e04-8ebc-8abae30ffb1a";

    #[test]
    fn only_the_same_request_of_the_same_caller_opens_it() {
        let own = seal(A, "a secret of the caller", "key", REQUEST);
        let sealed = own.seal(b"the reply");
        assert_eq!(own.open(&sealed).unwrap(), b"the reply");
        for other in [
            seal(B, "a secret of the caller", "key", REQUEST),
            seal(A, "another of the same one", "key", REQUEST),
            seal(A, "a secret of the caller", "Key", REQUEST),
            seal(
                A,
                "a secret of the caller",
                "key",
                RequestParts {
                    method: "PUT",
                    ..REQUEST
                },
            ),
            seal(
                A,
                "a secret of the caller",
                "key",
                RequestParts {
                    path: "/manage",
                    ..REQUEST
                },
            ),
            seal(
                A,
                "a secret of the caller",
                "key",
                RequestParts {
                    body: b"{} ",
                    ..REQUEST
                },
            ),
        ] {
            assert_eq!(other.open(&sealed), None);
        }
    }

    #[test]
    fn a_damaged_one_does_not_open() {
        let own = seal(A, "a secret of the caller", "key", REQUEST);
        let sealed = own.seal(b"the reply");
        assert_eq!(own.open(&[]), None);
        assert_eq!(own.open(&sealed[..sealed.len() - 1]), None);
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert_eq!(own.open(&damaged), None, "{place}");
        }
    }

    #[test]
    fn a_reply_sealed_twice_looks_different() {
        let own = seal(A, "a secret of the caller", "key", REQUEST);
        assert_ne!(own.seal(b"the reply"), own.seal(b"the reply"));
    }

    #[test]
    fn the_digest_survives_a_rotation_and_tells_clients_apart() {
        let digest = |client, secret, key| seal(client, secret, key, REQUEST).key_digest();
        assert_eq!(digest(A, "old", "key"), digest(A, "new", "key"));
        assert_ne!(digest(A, "old", "key"), digest(B, "old", "key"));
        assert_ne!(digest(A, "old", "key"), digest(A, "old", "kez"));
    }

    #[test]
    fn keys_are_visible_ascii() {
        for good in ["a", "!~", &"x".repeat(255)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "a\u{7f}", "é", &"x".repeat(256)] {
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_reply_comes_back(reply in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let own = seal(A, "a secret of the caller", "key", REQUEST);
            prop_assert_eq!(own.open(&own.seal(&reply)).unwrap(), reply);
        }
    }
}
