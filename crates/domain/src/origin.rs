//! Origins that may send events for a project or client.

use url::{Host, Url};

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

impl CorsEntry {
    /// Whether a page of this origin may send events. Scheme, letter case and a leading `www.`
    /// make no difference; a port does where the entry has one. `*.` stands for one or more
    /// labels.
    pub fn matches(&self, origin: &str) -> bool {
        if self.as_str() == "*" {
            return !origin.is_empty();
        }
        let Some((host, port)) = host_and_port(origin) else {
            return false;
        };
        let entry = self.as_str();
        let (scheme, rest) = match entry.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => ("https", entry),
        };
        let (is_wild, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let Some((wanted, _)) = host_and_port(&format!("{scheme}://{rest}")) else {
            return false;
        };
        let port_fits = split_port(rest).is_none_or(|wanted| port == Some(wanted));
        let host_fits = if is_wild {
            host.strip_suffix(&wanted)
                .is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
        } else {
            without_www(&host) == without_www(&wanted)
        };
        port_fits && host_fits
    }
}

/// The host in lower case, and the port, which may be that of the scheme.
fn host_and_port(origin: &str) -> Option<(String, Option<u16>)> {
    let url = Url::parse(origin).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some((host, url.port_or_known_default()))
}

/// The port that is written in an entry.
fn split_port(rest: &str) -> Option<u16> {
    let (host, port) = rest.rsplit_once(':')?;
    let is_ipv6 = port.contains(']') || (host.contains(':') && !host.ends_with(']'));
    (!is_ipv6).then(|| port.parse().ok())?
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

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

    #[test]
    fn origins_are_matched_by_host() {
        for (entry, origin, expected) in [
            ("https://shop.example", "https://shop.example", true),
            ("https://shop.example", "http://SHOP.example", true),
            ("https://shop.example", "https://www.shop.example", true),
            ("https://www.shop.example", "https://shop.example", true),
            ("shop.example", "https://shop.example:8443", true),
            (
                "https://shop.example:8443",
                "https://shop.example:8443",
                true,
            ),
            ("https://shop.example:8443", "https://shop.example", false),
            ("https://shop.example:443", "https://shop.example", true),
            ("shop.example", "https://a.shop.example", false),
            ("*.shop.example", "https://a.shop.example", true),
            ("https://*.shop.example", "https://a.b.shop.example", true),
            ("*.shop.example", "https://shop.example", false),
            ("*.shop.example", "https://shop.example.evil.example", false),
            ("*.shop.example", "https://evilshop.example", false),
            ("shop.example", "https://shop.example.evil.example", false),
            ("localhost:3000", "http://localhost:3000", true),
            ("localhost:3000", "http://localhost:3001", false),
            ("capacitor://localhost", "capacitor://localhost", true),
            ("http://[::1]:3000", "http://[::1]:3000", true),
            ("http://[::1]", "http://[::1]:3000", true),
            ("*", "https://any.example", true),
            ("*", "null", true),
            ("*", "", false),
            ("shop.example", "null", false),
            ("shop.example", "", false),
        ] {
            let entry = entry.parse::<CorsEntry>().unwrap();
            assert_eq!(entry.matches(origin), expected, "{entry} {origin}");
        }
    }
}
