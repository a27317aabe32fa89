//! Origins that may send events for a project or client.

use url::Host;

use crate::{InvalidValue, text::at_most, text::text_value};

text_value!(
    /// One allowed origin: `*`, an origin of any scheme, or a bare host, the last two with or
    /// without `*.` before the host. Kept without trailing slashes.
    CorsEntry,
    |text| {
        let text = at_most(text.trim_end_matches('/'), 255)?;
        // What sandboxed frames and local files send is nobody's origin.
        if text == "*" || (is_origin(&text) && text != "null") {
            Ok(text)
        } else {
            Err(InvalidValue::new(
                "must be *, an origin such as https://shop.example, or a host, \
                 with or without a leading *.",
            ))
        }
    }
);

fn is_origin(text: &str) -> bool {
    match text.split_once("://") {
        Some((scheme, rest)) => is_scheme(scheme) && is_host_and_port(rest),
        None => is_host_and_port(text),
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn is_host_and_port(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let (host, port) = match text.rsplit_once(':') {
        // The colons of a bracketed IPv6 address are not a port's.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits = port
        .is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    // The parser lets some signs pass that have a meaning in an entry, or none in a host.
    let plain = !host.contains(|c: char| {
        c.is_whitespace() || matches!(c, '*' | ',' | ';' | '"' | '\'' | '(' | ')')
    });
    port_fits && plain && Host::parse(host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_hosts_and_wildcards_are_entries() {
        for (given, kept) in [
            ("*", "*"),
            ("https://shop.example", "https://shop.example"),
            ("https://shop.example//", "https://shop.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://*.shop.example", "https://*.shop.example"),
            ("*.shop.example", "*.shop.example"),
            ("shop.example", "shop.example"),
            ("shop.example:8080", "shop.example:8080"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("räksmörgås.example", "räksmörgås.example"),
        ] {
            assert_eq!(given.parse::<CorsEntry>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "/",
            "https://",
            "://shop.example",
            "https://shop.example/path",
            "https://shop.example?x=1",
            "https://user@shop.example",
            "https://*",
            "shop.*",
            "*.*.example",
            "a b",
            "a,b",
            "shop.example:port",
            "shop.example:99999",
            "*.",
            "null",
        ] {
            assert!(wrong.parse::<CorsEntry>().is_err(), "{wrong}");
        }
    }
}
