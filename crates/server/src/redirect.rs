//! The way from `http` to `https`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{header, uri::Authority},
};

/// The port of `https` that goes without saying.
const USUAL_PORT: u16 = 443;
/// How long the name of a host may be, as in DNS.
const LONGEST_HOST: usize = 253;

/// Leads a caller to the same path on the same host, but encrypted and on this port; 400 where it
/// does not say which host it asks for.
pub(crate) fn redirect(request: &HttpRequest, port: u16) -> HttpResponse {
    match target(request, port) {
        // The method and the body stay the same.
        Some(target) => HttpResponse::PermanentRedirect()
            .insert_header((header::LOCATION, target))
            .finish(),
        None => HttpResponse::BadRequest().finish(),
    }
}

fn target(request: &HttpRequest, port: u16) -> Option<String> {
    let mut hosts = request.headers().get_all(header::HOST);
    let authority = hosts.next()?.to_str().ok()?.parse::<Authority>().ok()?;
    let host = authority.host();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_usable = !host.is_empty() && host.len() <= LONGEST_HOST && host.bytes().all(is_plain);
    if !is_usable || hosts.next().is_some() || authority.as_str().contains('@') {
        return None;
    }
    let path = request.uri().path_and_query()?.as_str();
    let path = path.starts_with('/').then_some(path)?;
    Some(if port == USUAL_PORT {
        format!("https://{host}{path}")
    } else {
        format!("https://{host}:{port}{path}")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn told(host: &str, uri: &str, port: u16) -> Option<String> {
        let request = TestRequest::default()
            .uri(uri)
            .insert_header(("host", host));
        target(&request.to_http_request(), port)
    }

    #[test]
    fn host_path_and_query_stay_and_the_port_does_not() {
        for (host, port, expected) in [
            ("a.example", 443, "https://a.example/x%20y?b=c&d"),
            ("a.example:80", 8443, "https://a.example:8443/x%20y?b=c&d"),
            ("[2001:db8::1]:80", 443, "https://[2001:db8::1]/x%20y?b=c&d"),
            ("192.0.2.7", 3333, "https://192.0.2.7:3333/x%20y?b=c&d"),
        ] {
            assert_eq!(told(host, "/x%20y?b=c&d", port).as_deref(), Some(expected));
        }
        let inner = told("a.example", "http://b.example/x", 443);
        assert_eq!(inner.as_deref(), Some("https://a.example/x"));
    }

    #[test]
    fn a_host_that_is_none_leads_nowhere() {
        let long = "a".repeat(LONGEST_HOST + 1);
        for host in [
            "",
            "a@b.example",
            "a.example/x",
            "a b",
            "a.example, b.example",
            "<script>",
            "%61.example",
            &long,
        ] {
            assert_eq!(told(host, "/", 443), None, "{host}");
        }
        let none = TestRequest::default().to_http_request();
        assert_eq!(target(&none, 443), None);
        let two = TestRequest::default()
            .append_header(("host", "a.example"))
            .append_header(("host", "b.example"));
        assert_eq!(target(&two.to_http_request(), 443), None);
        assert_eq!(told("a.example", "*", 443), None);
    }
}
