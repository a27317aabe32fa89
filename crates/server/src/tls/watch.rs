//! Certificates that are renewed while the server runs.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::TimeDelta;
use paneld_domain::{Clock, ErrorChain, Timestamp};
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::pair::{Contents, Pair, TlsError, TlsFiles};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// How long before the end of a certificate it should have been renewed.
const WARNED_BEFORE: TimeDelta = TimeDelta::days(30);
/// How often that is said.
const WARNING_INTERVAL: TimeDelta = TimeDelta::days(1);

/// The certificate that handshakes get from now on.
#[derive(Debug)]
pub(super) struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&key))
    }
}

impl Current {
    fn set(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

/// Looks whether the files have changed, and when the certificate expires.
pub(crate) struct Watch {
    files: TlsFiles,
    clock: Clock,
    current: Arc<Current>,
    expires: Timestamp,
    /// What was taken, or refused, last.
    known: Option<u64>,
    /// What was in the files when they were looked at last.
    seen: Option<u64>,
    /// When it was last said that the certificate expires soon.
    warned: Option<Timestamp>,
}

impl Watch {
    /// Reads the files for the first time.
    pub(super) fn start(files: TlsFiles, clock: Clock) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let pair = files.parse(&contents)?;
        let known = Some(contents.fingerprint());
        let mut watch = Self {
            files,
            clock,
            current: Arc::new(Current(RwLock::new(Arc::clone(&pair.key)))),
            expires: pair.expires,
            known,
            seen: known,
            warned: None,
        };
        watch.take(&pair);
        watch.warn_when_it_expires();
        Ok(watch)
    }

    pub(super) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// Looks again and again, until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // The disk may be slow.
            let looked = spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(watch) => self = watch,
                Err(_ended) => return,
            }
        }
    }

    fn look(&mut self) {
        let contents = self.files.read();
        let found = contents.as_ref().ok().map(Contents::fingerprint);
        // What was not the same twice is still being written: the certificate is there before its
        // key, or a half of it.
        let is_steady = self.seen == found;
        self.seen = found;
        if found != self.known && is_steady {
            self.known = found;
            match contents.and_then(|contents| self.files.parse(&contents)) {
                Ok(pair) => {
                    self.take(&pair);
                    tracing::info!(expires = %pair.expires, "took the new TLS certificate");
                }
                Err(error) => tracing::error!(
                    error = %ErrorChain(&error),
                    "the new TLS certificate is refused, the old one stays"
                ),
            }
        }
        self.warn_when_it_expires();
    }

    fn take(&mut self, pair: &Pair) {
        self.current.set(Arc::clone(&pair.key));
        self.expires = pair.expires;
        self.warned = None;
        #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
        let expires = pair.expires.timestamp() as f64;
        metrics::gauge!("paneld_tls_certificate_expires_timestamp_seconds").set(expires);
        if pair.is_alone {
            tracing::warn!(
                path = %self.files.certificate.display(),
                "there is one TLS certificate, and it did not sign itself: unless a root signed \
                 it, callers will not trust it; give the whole chain, its intermediates too"
            );
        }
        if self.files.is_key_open() {
            tracing::warn!(
                path = %self.files.key.display(),
                "every user of this machine may read the TLS key: close it to them with chmod o="
            );
        }
    }

    /// Says once a day that the certificate must be renewed, if that is near.
    fn warn_when_it_expires(&mut self) {
        let now = self.clock.now();
        let left = self.expires - now;
        let was_said = self
            .warned
            .is_some_and(|said| now - said < WARNING_INTERVAL);
        if left > WARNED_BEFORE || was_said {
            return;
        }
        self.warned = Some(now);
        let expires = self.expires;
        if left <= TimeDelta::zero() {
            tracing::warn!(%expires, "the TLS certificate has expired: callers refuse it; renew it");
        } else {
            let days = left.num_days();
            tracing::warn!(%expires, days, "the TLS certificate expires soon: renew it");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use paneld_domain::ManualClock;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn day(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    /// A certificate that expires on 2027-01-31, and its key.
    fn make() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(2027, 1, 31);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn start(folder: &Path, clock: Clock) -> Watch {
        let files = TlsFiles {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        let (certificate, key) = make();
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        Watch::start(files, clock).unwrap()
    }

    #[test]
    fn that_a_certificate_expires_is_said_once_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let time = ManualClock::starting_at(day("2026-12-31"));
        let mut watch = start(folder.path(), time.clock());
        assert_eq!(watch.expires, day("2027-01-31"));
        assert_eq!(watch.warned, None, "31 days before");
        let mut warned_at = |moment| {
            time.set(moment);
            watch.look();
            watch.warned
        };
        let first = day("2027-01-01");
        assert_eq!(warned_at(first), Some(first));
        assert_eq!(warned_at(first + TimeDelta::hours(23)), Some(first));
        let second = day("2027-01-02");
        assert_eq!(warned_at(second), Some(second));
        let expired = day("2027-02-01");
        assert_eq!(warned_at(expired), Some(expired));
    }

    #[test]
    fn a_change_is_taken_when_it_is_whole_and_refused_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = start(folder.path(), Clock::system());
        let shown = |watch: &Watch| watch.current.0.read().unwrap().cert[0].clone();
        let first = shown(&watch);
        let (certificate, key) = make();
        fs::write(&watch.files.certificate, certificate).unwrap();
        watch.look();
        fs::write(&watch.files.key, key).unwrap();
        watch.look();
        let known = watch.known;
        assert_eq!(shown(&watch), first, "the key came a moment ago");
        watch.look();
        assert_ne!(shown(&watch), first);
        assert_ne!(watch.known, known);

        let second = shown(&watch);
        fs::remove_file(&watch.files.key).unwrap();
        watch.look();
        assert!(watch.known.is_some(), "it may be there again at once");
        watch.look();
        assert_eq!((shown(&watch), watch.known), (second, None));
    }
}
