//! Limits by any key, without any authentication.

use std::{
    fmt,
    future::{Ready, ready},
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
};
use paneld_domain::Rate;
use paneld_ratelimit::{BucketKey, Limiter, Verdict};

use crate::{ApiError, limit_headers, refusals::rate_limited};

/// Middleware that limits requests by a key of yours: an address, a user, a tenant.
///
/// Replies tell what is left in `RateLimit` and `RateLimit-Policy`, under the name of the key's
/// group, and in `x-ratelimit-*`. A request too many is answered with 429, `Retry-After` and the
/// JSON of [`ApiError`]; with 503 while the limiter cannot be asked.
///
/// A request may pass several of these, one around the other: each writes its own item of
/// `RateLimit`, and `x-ratelimit-*` are those of the innermost one that was asked.
///
/// ```
/// use std::sync::Arc;
/// use actix_web::{App, HttpResponse, dev::ServiceRequest, web};
/// use paneld_guard::{BucketKey, Clock, LimitBy, LimitGroup, Limiter, Rate};
///
/// const SEARCHES: LimitGroup = LimitGroup::new("searches");
///
/// fn by_tenant(request: &ServiceRequest) -> Option<BucketKey> {
///     let tenant = request.headers().get("x-tenant")?.to_str().ok()?;
///     Some(BucketKey::text(SEARCHES, tenant))
/// }
///
/// let limiter = Arc::new(Limiter::new(Clock::system()));
/// let searches = LimitBy::new(limiter, Rate::of(100, 10), by_tenant);
/// App::new().service(
///     web::resource("/search").wrap(searches).to(HttpResponse::Ok),
/// );
/// ```
#[derive(Clone)]
pub struct LimitBy<K> {
    limiter: Arc<Limiter>,
    rate: Rate,
    key: K,
}

impl<K: Fn(&ServiceRequest) -> Option<BucketKey> + 'static> LimitBy<K> {
    /// Takes a token for each request from the bucket that `key` finds for it. Requests without a
    /// key are not limited.
    pub fn new(limiter: Arc<Limiter>, rate: Rate, key: K) -> Self {
        Self { limiter, rate, key }
    }
}

/// Takes a token. Who is denied is told a time to wait of its own.
pub(crate) async fn take_token(
    limiter: &Limiter,
    key: BucketKey,
    rate: Rate,
    from: Option<SocketAddr>,
) -> Result<Option<Verdict>, ApiError> {
    let taken = limiter.check(key, rate, 1).await;
    let verdict = taken.map_err(ApiError::unavailable)?;
    Ok(match (verdict, from) {
        (Some(verdict), Some(from)) => Some(limiter.spread(key, verdict, from)),
        (verdict, _) => verdict,
    })
}

impl<S, B, K> Transform<S, ServiceRequest> for LimitBy<K>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    K: Fn(&ServiceRequest) -> Option<BucketKey> + Clone + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = LimitByService<S, K>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(LimitByService {
            service: Rc::new(service),
            limit: self.clone(),
        }))
    }
}

/// A [`LimitBy`] at work in front of a service.
#[derive(Debug)]
pub struct LimitByService<S, K> {
    service: Rc<S>,
    limit: LimitBy<K>,
}

impl<S, B, K> Service<ServiceRequest> for LimitByService<S, K>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    K: Fn(&ServiceRequest) -> Option<BucketKey> + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let Some(key) = (self.limit.key)(&request) else {
            return Box::pin(async move { Ok(service.call(request).await?.map_into_left_body()) });
        };
        let (limiter, rate) = (Arc::clone(&self.limit.limiter), self.limit.rate);
        Box::pin(async move {
            let taken = take_token(&limiter, key, rate, request.peer_addr()).await;
            let verdict = match taken {
                Ok(verdict) => verdict,
                Err(error) => return Ok(request.error_response(error).map_into_right_body()),
            };
            let mut response = match verdict.and_then(|verdict| verdict.retry_in) {
                Some(wait) => {
                    let error = rate_limited(key.group(), wait);
                    request.error_response(error).map_into_right_body()
                }
                None => service.call(request).await?.map_into_left_body(),
            };
            if let Some(verdict) = verdict {
                limit_headers::write(key.group(), &verdict, response.headers_mut());
            }
            Ok(response)
        })
    }
}

impl<K> fmt::Debug for LimitBy<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitBy")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}
