//! The `Idempotency-Key` of a request: `docs/contract/manage.md` §7.

use actix_web::{HttpMessage as _, HttpRequest, http::header::HeaderName};
use paneld_auth::{IdempotencyKey, ReplySeal, RequestParts};
use paneld_domain::{InvalidValue, Problem};

use crate::{ApiError, Guard, credentials::GivenCredentials, session_proof::SessionProof};

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl Guard {
    /// The seal for the reply to a request that asks to be carried out at most once; `None` for
    /// one that does not ask. The request must have passed a [`Gate`](crate::Gate) of this guard.
    ///
    /// # Errors
    /// 400 when its idempotency key is none.
    pub fn reply_seal(
        &self,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Option<ReplySeal>, ApiError> {
        let mut keys = request.headers().get_all(&IDEMPOTENCY_KEY);
        let Some(key) = keys.next() else {
            return Ok(None);
        };
        if keys.next().is_some() {
            return Err(invalid(&InvalidValue::new("must be given once")));
        }
        // What is not even text has no visible characters either.
        let key = key.to_str().unwrap_or_default().parse::<IdempotencyKey>();
        let key = key.map_err(|why| invalid(&why))?;
        let given = GivenCredentials::of(request.headers(), &self.headers);
        let presented = given.presented();
        let by_header = presented.client_id.and_then(|id| id.parse().ok());
        let by_header = by_header.zip(presented.secret);
        let extensions = request.extensions();
        let by_session = extensions.get::<SessionProof>();
        let by_session = by_session.map(|proof| (proof.client_id, proof.token.expose()));
        let Some((client_id, secret)) = by_session.or(by_header) else {
            return Err(ApiError::internal(
                "a request without credentials came past the gate",
            ));
        };
        let parts = RequestParts {
            method: request.method().as_str(),
            path: request.path(),
            body,
        };
        Ok(Some(ReplySeal::new(client_id, secret, &key, parts)))
    }
}

fn invalid(why: &InvalidValue) -> ApiError {
    ApiError::invalid_headers(vec![Problem::of("Idempotency-Key", why)])
}
