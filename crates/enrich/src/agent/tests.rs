use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// One for all, because a cache is much to make for each of many texts.
static AGENTS: LazyLock<Agents> = LazyLock::new(Agents::new);

/// System, its version, browser, its version, device, brand, model.
type Row = [&'static str; 7];

#[track_caller]
fn check(rows: &[(&str, Row)]) {
    let agents = Agents::new();
    for (
        user_agent,
        [
            os,
            os_version,
            browser,
            browser_version,
            device,
            brand,
            model,
        ],
    ) in rows
    {
        let expected = Agent {
            os: (*os).into(),
            os_version: (*os_version).into(),
            browser: (*browser).into(),
            browser_version: (*browser_version).into(),
            device: (*device).into(),
            brand: (*brand).into(),
            model: (*model).into(),
        };
        assert_eq!(*agents.read(user_agent), expected, "{user_agent}");
    }
}

#[test]
fn programs_are_servers() {
    let agents = Agents::new();
    for user_agent in [
        "",
        "unknown/1.0",
        "node",
        "undici",
        "curl/8.4.0",
        "python-requests/2.31.0",
        "axios/1.6.0",
        "okhttp/4.9.3",
        "Go-http-client/2.0",
        "GuzzleHttp/7",
        "GuzzleHttp/6.5.5 curl/7.68.0 PHP/7.4.3",
        "Apache-HttpClient/4.5.13 (Java/17.0.1)",
        "Mozilla/5.0",
        "MyApp/1.0",
        "Wget/1.20.3 (linux-gnu)",
        "Ruby",
        "aws-sdk-java/1.11.129 Linux/4.4.35-33.55.amzn1.x86_64 OpenJDK_64-Bit_Server_VM/25.141-b16/1.8.0_141",
        "Bun/1.1.0",
        "Deno/1.40.0",
        "Java/17.0.1",
        "python-httpx/0.27.0",
        "reqwest",
        "PostmanRuntime/7.39.0",
    ] {
        assert!(agents.read(user_agent).is_server(), "{user_agent}");
        assert_eq!(*agents.read(user_agent), Agent::server(), "{user_agent}");
    }
}

#[test]
fn browsers_of_desktops_are_known() {
    check(&[
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            ["Windows", "10", "Chrome", "126.0.0.0", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.61",
            ["Windows", "10", "Edge", "126.0.2592.61", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            [
                "macOS",
                "10.15.7",
                "Safari",
                "17.4",
                "desktop",
                "Apple",
                "Macintosh",
            ],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
            [
                "macOS",
                "10.15",
                "Firefox",
                "127.0",
                "desktop",
                "Apple",
                "Macintosh",
            ],
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            ["Linux", "", "Firefox", "127.0", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            ["Ubuntu", "", "Firefox", "127.0", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            [
                "Chrome OS",
                "14541.0.0",
                "Chrome",
                "126.0.0.0",
                "desktop",
                "",
                "",
            ],
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0",
            ["Windows", "10", "Opera", "111.0.0.0", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Vivaldi/6.7.3329.41",
            ["Linux", "", "Vivaldi", "6.7.3329.41", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.6478.126 Safari/537.36",
            [
                "Linux",
                "",
                "Chrome Headless",
                "126.0.6478.126",
                "desktop",
                "",
                "",
            ],
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            ["Windows", "7", "IE", "11.0", "desktop", "", ""],
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)",
            ["Windows", "XP", "IE", "8.0", "desktop", "", ""],
        ),
        (
            "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.16",
            ["Windows", "7", "Opera", "12.16", "desktop", "", ""],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.38.125 Chrome/124.0.6367.243 Electron/30.1.0 Safari/537.36 Slack_SSB/4.38.125",
            [
                "macOS",
                "10.15.7",
                "Slack",
                "4.38.125",
                "desktop",
                "Apple",
                "Macintosh",
            ],
        ),
    ]);
}

#[test]
fn browsers_of_phones_and_tablets_are_known() {
    check(&[
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            [
                "iOS",
                "17.5",
                "Mobile Safari",
                "17.5",
                "mobile",
                "Apple",
                "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            [
                "iOS",
                "16.6.1",
                "Mobile Safari",
                "16.6",
                "tablet",
                "Apple",
                "iPad",
            ],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
            [
                "iOS",
                "17.5",
                "Mobile Chrome",
                "126.0.6478.54",
                "mobile",
                "Apple",
                "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
            [
                "iOS",
                "17.5",
                "Mobile Firefox",
                "127.0",
                "mobile",
                "Apple",
                "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            [
                "iOS", "17.5", "WebKit", "605.1.15", "mobile", "Apple", "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F90 [FBAN/FBIOS;FBAV/467.0.0.31.103;FBBV/606100390;FBDV/iPhone14,2;FBMD/iPhone]",
            [
                "iOS",
                "17.5.1",
                "Facebook",
                "467.0.0.31.103",
                "mobile",
                "Apple",
                "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 337.0.3.23.54 (iPhone14,5; iOS 17_5_1; en_US; scale=3.00)",
            [
                "iOS",
                "17.5.1",
                "Instagram",
                "337.0.3.23.54",
                "mobile",
                "Apple",
                "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36",
            [
                "Android",
                "14",
                "Mobile Chrome",
                "126.0.6478.71",
                "mobile",
                "Google",
                "Pixel 8",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
            [
                "Android",
                "10",
                "Mobile Chrome",
                "126.0.0.0",
                "mobile",
                "",
                "",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            ["Android", "10", "Chrome", "126.0.0.0", "tablet", "", ""],
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            [
                "Android",
                "13",
                "Samsung Internet",
                "25.0",
                "mobile",
                "Samsung",
                "SM-G991B",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            [
                "Android",
                "12",
                "Chrome",
                "126.0.0.0",
                "tablet",
                "Samsung",
                "SM-T870",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; Redmi Note 12 Build/TKQ1.221114.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36",
            [
                "Android",
                "13",
                "Chrome WebView",
                "126.0.6478.71",
                "mobile",
                "Xiaomi",
                "Redmi Note 12",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; M2101K6G) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 EdgA/126.0.2592.56",
            [
                "Android",
                "13",
                "Edge",
                "126.0.2592.56",
                "mobile",
                "Xiaomi",
                "M2101K6G",
            ],
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
            ["Android", "14", "Mobile Firefox", "127.0", "mobile", "", ""],
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 4.0.3; en-us; GT-P5113 Build/IML74K) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Safari/534.30",
            [
                "Android",
                "4.0.3",
                "Android Browser",
                "4.0",
                "tablet",
                "Samsung",
                "GT-P5113",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; HarmonyOS; ANE-LX1; HMSCore 6.11.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/13.0.4.301 Mobile Safari/537.36",
            [
                "HarmonyOS",
                "",
                "Huawei Browser",
                "13.0.4.301",
                "mobile",
                "Huawei",
                "ANE-LX1",
            ],
        ),
        (
            "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10",
            ["", "", "Opera Mini", "7.1.32052", "mobile", "", ""],
        ),
    ]);
}

#[test]
fn apps_without_a_browser_are_clients() {
    check(&[
        (
            "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)",
            ["Android", "13", "", "", "mobile", "Google", "Pixel 7"],
        ),
        (
            "App/1 CFNetwork/1494.0.7 Darwin/23.4.0",
            ["iOS", "", "", "", "desktop", "", ""],
        ),
        (
            "MyApp/2.1 (iPhone16,2; iOS 17.4; Scale/3.00)",
            ["iOS", "17.4", "", "", "mobile", "Apple", "iPhone16,2"],
        ),
        (
            "MyApp/2.1 (iPad14,3; iPadOS 18_0)",
            ["iOS", "18.0", "", "", "tablet", "Apple", "iPad14,3"],
        ),
        (
            "MyApp/2.1 iPhone16,2; iOS 17.4",
            ["iOS", "17.4", "", "", "mobile", "Apple", "iPhone16,2"],
        ),
        (
            "MyApp/2.1 (Android 13; Model=SM-A536B; Manufacturer=samsung)",
            ["Android", "13", "", "", "mobile", "Samsung", "SM-A536B"],
        ),
        (
            "okhttp/4.9.3 Android/13",
            ["Android", "13", "", "", "mobile", "", ""],
        ),
    ]);
}

#[test]
fn televisions_consoles_and_watches_are_known() {
    check(&[
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36",
            ["Tizen", "6.5", "Safari", "537.36", "smarttv", "Samsung", ""],
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
            ["webOS", "", "Chrome", "94.0.4606.128", "smarttv", "LG", ""],
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233) AppleWebKit/537.36 (KHTML, like Gecko) Silk/98.2.5 like Chrome/98.0.4758.136 Safari/537.36",
            [
                "Android", "9", "Silk", "98.2.5", "smarttv", "Amazon", "AFTMM",
            ],
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edge/44.18363.8131",
            [
                "Windows",
                "10",
                "Edge",
                "44.18363.8131",
                "console",
                "Microsoft",
                "Xbox One",
            ],
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
            [
                "PlayStation",
                "",
                "Safari",
                "13.0",
                "console",
                "Sony",
                "PlayStation 5",
            ],
        ),
        (
            "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/606.4 (KHTML, like Gecko) NF/6.0.1.15.4 NintendoBrowser/5.1.0.20393",
            [
                "Nintendo", "", "WebKit", "606.4", "console", "Nintendo", "Switch",
            ],
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/33.0.0 Chrome/126.0.6478.122 VR Safari/537.36",
            [
                "Linux",
                "",
                "Oculus Browser",
                "33.0.0",
                "xr",
                "Oculus",
                "Quest 3",
            ],
        ),
    ]);
}

#[test]
fn what_apps_say_of_themselves_wins() {
    let agents = Agents::new();
    let app = agents.read("MyApp/2.1 (iPhone; iOS 17.4)");
    let said = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|&(name, value)| (name.into(), value.into()))
            .collect()
    };
    let properties = said(&[
        ("__os", "visionOS"),
        ("__osVersion", "1.1"),
        ("__browser", "MyApp"),
        ("__browserVersion", "2.1"),
        ("__device", "xr"),
        ("__brand", "Apple Inc."),
        ("__model", ""),
        ("plan", "pro"),
    ]);
    assert_eq!(
        overridden(&app, &properties),
        Agent {
            os: "visionOS".into(),
            os_version: "1.1".into(),
            browser: "MyApp".into(),
            browser_version: "2.1".into(),
            device: "xr".into(),
            brand: "Apple Inc.".into(),
            model: "iPhone".into(),
        }
    );
    assert_eq!(overridden(&Agent::server(), &properties), Agent::server());
    let as_server = overridden(&app, &said(&[("__device", "server")]));
    assert_eq!(as_server, *app);
}

#[test]
fn the_cache_is_bounded() {
    let agents = Agents::new();
    for number in 0..12_000 {
        agents.read(&format!(
            "App {number} (iPhone; iOS 17.4; {})",
            "x".repeat(900)
        ));
    }
    assert!(
        agents.cache.weight() <= CACHED_BYTES,
        "{}",
        agents.cache.weight()
    );
    assert!(agents.cache.len() > 1000);
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let first = AGENTS.read(&text);
        prop_assert_eq!(AGENTS.read(&text), first);
    }

    #[test]
    fn anything_like_a_user_agent_is_read(
        text in "(Mozilla/5\\.0 )?(\\([A-Za-z0-9;/ ,._ä-]{0,40}\\)?){0,3}( [A-Za-z/0-9.\\[\\];)]{0,12}){0,6}"
    ) {
        let agent = AGENTS.read(&text);
        prop_assert_eq!(agent.is_server(), agent.os.is_empty()
            && agent.browser.is_empty() && agent.brand.is_empty() && agent.model.is_empty());
        prop_assert!(agent.model.len() <= LONGEST_FIELD);
    }
}

#[test]
fn safari_tells_the_version_where_ios_freezes_it() {
    for (system, safari, expected) in [
        ("iPhone; CPU iPhone OS 18_7 like Mac OS X", "26.2", "26.2"),
        (
            "iPhone; CPU iPhone OS 18_6 like Mac OS X",
            "26.0.1",
            "26.0.1",
        ),
        ("iPad; CPU OS 18_7 like Mac OS X", "26.1", "26.1"),
        ("iPhone; CPU iPhone OS 18_7 like Mac OS X", "27.0", "27.0"),
        ("iPhone; CPU iPhone OS 18_5 like Mac OS X", "18.5", "18.5"),
        (
            "iPhone; CPU iPhone OS 17_5_1 like Mac OS X",
            "17.5",
            "17.5.1",
        ),
        // Should Apple ever thaw it.
        ("iPhone; CPU iPhone OS 26_3 like Mac OS X", "26.2", "26.3"),
        // Not iOS.
        ("Macintosh; Intel Mac OS X 10_15_7", "26.2", "10.15.7"),
    ] {
        let user_agent = format!(
            "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{safari} Mobile/15E148 Safari/604.1"
        );
        assert_eq!(
            AGENTS.read(&user_agent).os_version,
            expected,
            "{user_agent}"
        );
    }
    let without_safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";
    assert_eq!(AGENTS.read(without_safari).os_version, "18.7");
}

#[test]
fn a_processor_is_no_version() {
    for (system, os, version) in [
        ("X11; Linux x86_64", "Linux", ""),
        ("X11; Linux aarch64", "Linux", ""),
        ("X11; Linux i686 on x86_64", "Linux", ""),
        ("X11; Linux armv7l", "Linux", ""),
        ("X11; FreeBSD amd64", "FreeBSD", ""),
        ("X11; OpenBSD i386", "OpenBSD", ""),
        ("X11; SunOS i86pc", "Solaris", ""),
        ("X11; Fedora; Linux x86_64", "Fedora", ""),
        ("X11; Linux 5.10", "Linux", "5.10"),
        ("X11; CrOS aarch64 14541.0.0", "Chrome OS", "14541.0.0"),
    ] {
        let user_agent = format!("Mozilla/5.0 ({system}; rv:140.0) Gecko/20100101 Firefox/140.0");
        let agent = AGENTS.read(&user_agent);
        assert_eq!(
            (&*agent.os, &*agent.os_version),
            (os, version),
            "{user_agent}"
        );
    }
}

#[test]
fn apps_tell_their_own_versions() {
    check(&[
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 musical_ly_40.1.0 JsSdk/2.0 NetType/WIFI BytedanceWebview/d8a21c6",
            [
                "iOS", "17.5", "TikTok", "40.1.0", "mobile", "Apple", "iPhone",
            ],
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36 musical_ly_2023401020 JsSdk/1.0 AppVersion/34.1.2 BytedanceWebview/d8a21c6",
            [
                "Android", "14", "TikTok", "34.1.2", "mobile", "Samsung", "SM-S918B",
            ],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 BytedanceWebview/d8a21c6",
            ["iOS", "17.5", "TikTok", "", "mobile", "Apple", "iPhone"],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.29.8962",
            [
                "iOS",
                "17.5",
                "LinkedIn",
                "9.29.8962",
                "mobile",
                "Apple",
                "iPhone",
            ],
        ),
        (
            "[FBAN/FB4A;FBAV/467.0.0.31.103;FBBV/590091253;FBDM/{density=2.8,width=1080,height=2176};FBLC/en_US;FBDV/SM-G991B;FBSV/13;FBOP/1;FBSN/Android;]",
            [
                "Android",
                "13",
                "Facebook",
                "467.0.0.31.103",
                "mobile",
                "Samsung",
                "SM-G991B",
            ],
        ),
        (
            "[FBAN/FBIOS;FBAV/467.0.0.31.103;FBDV/iPhone14,2;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1;FBSS/3]",
            [
                "iOS",
                "17.5.1",
                "Facebook",
                "467.0.0.31.103",
                "mobile",
                "Apple",
                "iPhone14,2",
            ],
        ),
    ]);
}

#[test]
fn devices_have_their_makers_and_kinds() {
    for (system, rest, device, brand, model) in [
        (
            "X11; Linux x86_64; Quest 3",
            "OculusBrowser/33.0.0 SamsungBrowser/4.0 Chrome/126.0 VR Safari/537.36",
            "xr",
            "Oculus",
            "Quest 3",
        ),
        (
            "Linux; Android 10; Lenovo TB-X606F",
            "Chrome/126.0 Safari/537.36",
            "tablet",
            "Lenovo",
            "TB-X606F",
        ),
        (
            "Linux; Android 9; Lenovo K33a48",
            "Chrome/126.0 Mobile Safari/537.36",
            "mobile",
            "Lenovo",
            "K33a48",
        ),
        (
            "Linux; Android 10; HUAWEI MRX-W09",
            "Chrome/126.0 Safari/537.36",
            "tablet",
            "Huawei",
            "MRX-W09",
        ),
        (
            "Linux; Android 8.0; BAH-L09",
            "Chrome/126.0 Safari/537.36",
            "tablet",
            "Huawei",
            "BAH-L09",
        ),
        (
            "Linux; Android 14; CPH2449",
            "Chrome/126.0 Mobile Safari/537.36",
            "mobile",
            "OnePlus",
            "CPH2449",
        ),
        (
            "Linux; Android 14; CPH2371",
            "Chrome/126.0 Mobile Safari/537.36",
            "mobile",
            "OPPO",
            "CPH2371",
        ),
        (
            "Linux; Android 9; MIBOX4",
            "Chrome/126.0 Safari/537.36",
            "smarttv",
            "Xiaomi",
            "MIBOX4",
        ),
        (
            "Linux; Android 11; SHIELD Android TV",
            "Chrome/126.0 Safari/537.36",
            "smarttv",
            "Nvidia",
            "SHIELD Android TV",
        ),
        (
            "Linux; Android 9; PhilipsTV",
            "Chrome/126.0 Safari/537.36",
            "smarttv",
            "",
            "PhilipsTV",
        ),
    ] {
        let user_agent =
            format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {rest}");
        let agent = AGENTS.read(&user_agent);
        let found = (&*agent.device, &*agent.brand, &*agent.model);
        assert_eq!(found, (device, brand, model), "{user_agent}");
    }
}

#[test]
fn televisions_are_no_servers() {
    for (user_agent, os, brand) in [
        ("Roku/DVP-12.5 (12.5.0.4178)", "Roku OS", "Roku"),
        ("Roku4640X/DVP-7.70 (297.70E04154A)", "Roku OS", "Roku"),
        (
            "HbbTV/1.4.1 (+DRM;Philips;50PUS7334;3.9;) Firetv",
            "",
            "Philips",
        ),
        (
            "Opera/9.80 (Linux armv7l; HbbTV/1.2.1 (; Panasonic; VIERA; 1.0; ;)) Presto/2.12.407 Version/12.51",
            "Linux",
            "Panasonic",
        ),
    ] {
        let agent = AGENTS.read(user_agent);
        let found = (&*agent.device, &*agent.os, &*agent.brand);
        assert_eq!(found, ("smarttv", os, brand), "{user_agent}");
    }
}
