//! Where callers reach the server from outside.

use std::{fmt, str::FromStr};

use actix_web::http::{Uri, uri::Authority};
use paneld_domain::InvalidValue;

/// The address by which people reach the server, such as `https://stats.example.com`: with a path
/// where it is below one, and no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    /// How long the part is that browsers call the origin.
    origin_length: usize,
}

impl PublicUrl {
    /// The address as text, to which paths can be added.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The port, where the scheme is `https`.
    pub fn https_port(&self) -> Option<u16> {
        let authority = self.origin().strip_prefix("https://")?;
        let port = authority.parse::<Authority>().ok()?.port_u16();
        Some(port.unwrap_or(443))
    }

    /// Scheme, host and port, as browsers write them.
    pub(crate) fn origin(&self) -> &str {
        &self.text[..self.origin_length]
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            InvalidValue::new(
                "must be http:// or https:// with a host, and perhaps a port and a path, such as \
                 https://stats.example.com",
            )
        };
        let uri = text.parse::<Uri>().map_err(|_not_a_uri| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        let is_plain = uri.query().is_none() && !authority.as_str().contains('@');
        if !matches!(scheme, "http" | "https") || !is_plain || authority.host().is_empty() {
            return Err(wrong());
        }
        let authority = plain_authority(authority.as_str(), scheme);
        let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
        let path = uri.path().trim_end_matches('/');
        Ok(Self {
            text: format!("{origin}{path}"),
            origin_length: origin.len(),
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A host and port without the port that goes without saying.
pub(crate) fn plain_authority<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let usual = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(usual).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_browsers_write_origins() {
        for (given, origin, whole) in [
            ("https://stats.example.com", "https://stats.example.com", ""),
            (
                "HTTPS://Stats.Example.com:443/",
                "https://stats.example.com",
                "",
            ),
            ("http://[::1]:3333", "http://[::1]:3333", ""),
            ("http://a.example:443/x/Y/", "http://a.example:443", "/x/Y"),
        ] {
            let read = given.parse::<PublicUrl>().unwrap();
            assert_eq!(read.origin(), origin);
            assert_eq!(read.as_str(), format!("{origin}{whole}"));
        }
        for (given, port) in [
            ("https://stats.example.com", Some(443)),
            ("https://[::1]:8443/x", Some(8443)),
            ("http://stats.example.com:8443", None),
        ] {
            assert_eq!(given.parse::<PublicUrl>().unwrap().https_port(), port);
        }
        for wrong in [
            "",
            "stats.example.com",
            "/console",
            "ftp://stats.example.com",
            "https://",
            "https://user:password@stats.example.com",
            "https://stats.example.com/?a=b",
            "https://stats.example.com/a b",
        ] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }
}
