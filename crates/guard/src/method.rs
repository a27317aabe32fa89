//! What the method of a request says of it.

use actix_web::http::Method;

/// Whether a request asks for a change.
pub(crate) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}
