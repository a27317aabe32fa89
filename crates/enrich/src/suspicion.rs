//! What makes a visitor look like a bot that hides: `docs/contract/track.md` §5.8.

use std::{borrow::Cow, collections::BTreeSet};

use crate::Network;

/// Which of the headers that browsers send a request has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// Whether it has `sec-ch-ua`, as those of Chromium do.
    pub has_sec_ch_ua: bool,
    /// Whether it has `sec-fetch-mode` or `sec-fetch-site`.
    pub has_sec_fetch: bool,
    /// Whether it has `accept-language`, as those of all browsers do.
    pub has_accept_language: bool,
}

/// The reasons to take a request for a bot's, by its headers and its network.
///
/// Not to be asked of servers and of callers with a secret: they need not send what browsers do.
pub fn suspicion(user_agent: &str, hints: Hints, network: &Network) -> Vec<Cow<'static, str>> {
    let is_browser = user_agent.contains("Mozilla/");
    let reasons = [
        (
            is_chromium(user_agent) && !hints.has_sec_ch_ua,
            "header:missing_sec_ch_ua",
        ),
        (
            is_browser && !hints.has_sec_fetch,
            "header:missing_sec_fetch",
        ),
        (
            is_browser && !hints.has_accept_language,
            "header:missing_accept_language",
        ),
    ];
    let reasons = reasons.into_iter();
    let of_headers = reasons.filter_map(|(holds, reason)| holds.then_some(Cow::Borrowed(reason)));
    datacenter(network).into_iter().chain(of_headers).collect()
}

fn datacenter(network: &Network) -> Option<Cow<'static, str>> {
    let reason = match network.number {
        Some(number) => Cow::Owned(format!("datacenter_ip:AS{number}")),
        None => Cow::Borrowed("datacenter_ip"),
    };
    network.is_datacenter.then_some(reason)
}

/// The properties of an event that tell of the reasons, to be written over those that were sent.
///
/// One kind of reason alone is told, but makes no bot.
pub fn suspicion_properties(reasons: &[Cow<'_, str>]) -> Vec<(&'static str, String)> {
    if reasons.is_empty() {
        return Vec::new();
    }
    let mut properties = vec![("__bot_reasons", reasons.join(","))];
    let kinds = reasons.iter().filter_map(|reason| reason.split(':').next());
    if kinds.collect::<BTreeSet<_>>().len() >= 2 {
        properties.push(("__bot", "1".to_owned()));
    }
    properties
}

/// Whether the browser sends `sec-ch-ua`. On iOS all browsers are built on Safari's engine.
fn is_chromium(user_agent: &str) -> bool {
    let is_ios = ["iPhone", "iPad", "iPod"]
        .iter()
        .any(|device| user_agent.contains(device));
    let is_chromium = ["Chrome/", "Chromium/"]
        .iter()
        .any(|product| user_agent.contains(product));
    is_chromium && !is_ios
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
    const CHROME_ON_IOS: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1";

    #[test]
    fn missing_headers_of_browsers_are_reasons() {
        let suspicion = |agent, hints| suspicion(agent, hints, &Network::default());
        let none = Hints::default();
        let ch = "header:missing_sec_ch_ua";
        let fetch = "header:missing_sec_fetch";
        let language = "header:missing_accept_language";
        assert_eq!(suspicion(CHROME, none), [ch, fetch, language]);
        assert_eq!(suspicion(FIREFOX, none), [fetch, language]);
        assert_eq!(suspicion(CHROME_ON_IOS, none), [fetch, language]);
        assert!(suspicion("MyApp/1 (iPhone; iOS 17)", none).is_empty());
        let all = Hints {
            has_sec_ch_ua: true,
            has_sec_fetch: true,
            has_accept_language: true,
        };
        assert!(suspicion(CHROME, all).is_empty());
        let without_language = Hints {
            has_accept_language: false,
            ..all
        };
        assert_eq!(suspicion(CHROME, without_language), [language]);
    }

    #[test]
    fn the_network_of_a_data_centre_is_a_reason() {
        let all = Hints {
            has_sec_ch_ua: true,
            has_sec_fetch: true,
            has_accept_language: true,
        };
        let mut network = Network {
            number: Some(24_940),
            organization: "Hetzner Online GmbH".to_owned(),
            is_datacenter: true,
        };
        assert_eq!(suspicion(CHROME, all, &network), ["datacenter_ip:AS24940"]);
        network.number = None;
        assert_eq!(suspicion(FIREFOX, all, &network), ["datacenter_ip"]);
        network.is_datacenter = false;
        assert!(suspicion(FIREFOX, all, &network).is_empty());
    }

    #[test]
    fn reasons_of_two_kinds_make_a_bot() {
        assert!(suspicion_properties(&[]).is_empty());
        assert_eq!(
            suspicion_properties(&["header:a".into(), "header:b".into()]),
            [("__bot_reasons", "header:a,header:b".to_owned())]
        );
        assert_eq!(
            suspicion_properties(&["datacenter_ip:AS1".into(), "header:b".into()]),
            [
                ("__bot_reasons", "datacenter_ip:AS1,header:b".to_owned()),
                ("__bot", "1".to_owned())
            ]
        );
    }
}
