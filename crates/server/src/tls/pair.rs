//! A certificate and its key, as they are in files.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use paneld_domain::Timestamp;
use rustls::{
    CertificateError, Error as RustlsError,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};
use x509_cert::der::Decode as _;

/// The files of a certificate and its key, in PEM form.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The server's certificate, and behind it those that lead to a root.
    pub(crate) certificate: PathBuf,
    /// The key of the first certificate.
    pub(crate) key: PathBuf,
}

/// Why the server cannot speak TLS with the files that it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: cannot read {}", .path.display())]
    Read {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no certificate.
    #[error(
        "tls_certificate: there is no certificate in {}: it must be in PEM form, with a line \
         -----BEGIN CERTIFICATE-----",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// What should be a certificate is none.
    #[error("tls_certificate: a certificate in {} cannot be read", .path.display())]
    WrongCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no key.
    #[error(
        "tls_key: there is no key in {}: it must be in PEM form, with a line \
         -----BEGIN PRIVATE KEY-----",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The key can only be read with a passphrase.
    #[error(
        "tls_key: the key in {path} is encrypted: remove the passphrase with \
         openssl pkey -in {path} -out NEW-FILE, and give that",
        path = .0.display()
    )]
    EncryptedKey(PathBuf),
    /// What should be a key is none, or of a kind that is not known.
    #[error("tls_key: the key in {} cannot be used", .path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no cryptography for it.
    #[error("TLS cannot be set up")]
    Provider(#[source] RustlsError),
    /// Certificate and key are not each other's.
    #[error(
        "tls_key: the key in {} does not belong to the first certificate in {}",
        .key.display(),
        .certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// What is in the files.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate and key that belong together.
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// When the server's own certificate expires.
    pub(super) expires: Timestamp,
    /// Whether those are missing that lead from the server's own certificate to a root.
    pub(super) is_alone: bool,
}

impl TlsFiles {
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        Ok(Contents {
            certificate: read("tls_certificate", &self.certificate)?,
            key: read("tls_key", &self.key)?,
        })
    }

    /// Whether every user of the machine may read the key.
    pub(super) fn is_key_open(&self) -> bool {
        let mode = fs::metadata(&self.key).map(|found| found.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o007 != 0)
    }

    /// Makes a pair of what is in the files.
    pub(super) fn parse(&self, contents: &Contents) -> Result<Pair, TlsError> {
        let chain = self.chain(&contents.certificate)?;
        let Some(own) = chain.first() else {
            return Err(TlsError::NoCertificate(self.certificate.clone()));
        };
        let own = x509_cert::Certificate::from_der(own)
            .map_err(|error| self.wrong_certificate(error))?
            .tbs_certificate;
        let expires = UNIX_EPOCH + own.validity.not_after.to_unix_duration();
        let is_alone = chain.len() == 1 && own.issuer != own.subject;
        let key = self.key(&contents.key)?;
        let provider = ring::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            RustlsError::InconsistentKeys(_) => TlsError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            RustlsError::InvalidCertificate(CertificateError::BadEncoding) => {
                self.wrong_certificate(error)
            }
            error => self.wrong_key(error),
        })?;
        Ok(Pair {
            key: Arc::new(key),
            expires: expires.into(),
            is_alone,
        })
    }

    fn chain(&self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>();
        certificates.map_err(|error| self.wrong_certificate(error))
    }

    fn key(&self, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
        let has = |words: &str| {
            pem.windows(words.len())
                .any(|found| found == words.as_bytes())
        };
        if has("BEGIN ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED") {
            return Err(TlsError::EncryptedKey(self.key.clone()));
        }
        PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey(self.key.clone()),
            error => self.wrong_key(error),
        })
    }

    fn wrong_certificate(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> TlsError {
        TlsError::WrongCertificate {
            path: self.certificate.clone(),
            source: source.into(),
        }
    }

    fn wrong_key(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TlsError {
        TlsError::WrongKey {
            path: self.key.clone(),
            source: source.into(),
        }
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        setting,
        path: path.to_owned(),
        source,
    })
}

impl Contents {
    /// A number by which a change is noticed: the key is not to be kept once more for that.
    pub(super) fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};

        let mut hasher = DefaultHasher::new();
        (&self.certificate, &self.key).hash(&mut hasher);
        hasher.finish()
    }
}
