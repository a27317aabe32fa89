//! Which browser it is.

use super::tokens::Tokens;

/// What a browser is called, by the product that gives it away; the first that is there wins, so
/// apps and browsers stand before those they pretend to be.
const BROWSERS: &[(&str, &str)] = &[
    // Apps that show pages.
    ("FBAV", "Facebook"),
    ("FBAN", "Facebook"),
    ("FB_IAB", "Facebook"),
    ("Instagram", "Instagram"),
    ("Barcelona", "Threads"),
    ("LinkedInApp", "LinkedIn"),
    ("Snapchat", "Snapchat"),
    ("Pinterest", "Pinterest"),
    ("Twitter", "Twitter"),
    ("MicroMessenger", "WeChat"),
    ("Line", "Line"),
    ("KAKAOTALK", "KAKAOTALK"),
    ("NAVER", "Naver"),
    ("GSA", "GSA"),
    ("Slack_SSB", "Slack"),
    ("Slack", "Slack"),
    ("Teams", "Teams"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Ddg", "DuckDuckGo"),
    ("Electron", "Electron"),
    // Browsers that are built from Chromium.
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edg", "Edge"),
    ("Edge", "Edge"),
    ("Opera Mini", "Opera Mini"),
    ("OPiOS", "Opera Mini"),
    ("OPT", "Opera Touch"),
    ("OPX", "Opera GX"),
    ("OPRGX", "Opera GX"),
    ("Opera Mobi", "Opera Mobi"),
    ("OPR", "Opera"),
    // It says `SamsungBrowser`, too.
    ("OculusBrowser", "Oculus Browser"),
    ("SamsungBrowser", "Samsung Internet"),
    ("YaBrowser", "Yandex"),
    ("YaSearchBrowser", "Yandex"),
    ("Vivaldi", "Vivaldi"),
    ("Brave", "Brave"),
    ("Ecosia", "Ecosia"),
    ("UCBrowser", "UCBrowser"),
    ("UBrowser", "UCBrowser"),
    ("MQQBrowser", "QQBrowser"),
    ("QQBrowser", "QQBrowser"),
    ("MiuiBrowser", "MIUI Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("HeyTapBrowser", "HeyTap"),
    ("VivoBrowser", "Vivo Browser"),
    ("Quark", "Quark"),
    ("baiduboxapp", "Baidu"),
    ("baidubrowser", "Baidu"),
    ("MetaSr", "Sogou Explorer"),
    ("SogouMobileBrowser", "Sogou Mobile"),
    ("Whale", "Whale"),
    ("Silk", "Silk"),
    ("coc_coc_browser", "Coc Coc"),
    ("Avast", "Avast Secure Browser"),
    ("AVG", "AVG Secure Browser"),
    ("Puffin", "Puffin"),
    ("Maxthon", "Maxthon"),
    ("Sleipnir", "Sleipnir"),
    ("Iron", "Iron"),
    ("Falkon", "Falkon"),
    ("Epiphany", "Epiphany"),
    ("Konqueror", "Konqueror"),
    ("PhantomJS", "PhantomJS"),
    ("HeadlessChrome", "Chrome Headless"),
    ("CriOS", "Mobile Chrome"),
    ("Chromium", "Chromium"),
    // Browsers that are built from Firefox.
    ("FxiOS", "Mobile Firefox"),
    ("Focus", "Firefox Focus"),
    ("Klar", "Firefox Focus"),
    ("SeaMonkey", "SeaMonkey"),
    ("PaleMoon", "PaleMoon"),
    ("Waterfox", "Waterfox"),
    ("LibreWolf", "LibreWolf"),
];

/// The name and version of the browser; both empty when there is none.
pub(super) fn browser(tokens: &Tokens) -> (&'static str, String) {
    let listed = BROWSERS.iter().find_map(|(product, name)| {
        let version = tokens.version(product)?;
        Some((*name, versioned(tokens, product, version)))
    });
    let found = tiktok(tokens)
        .or(listed)
        .or_else(|| chrome(tokens))
        .or_else(|| firefox(tokens))
        .or_else(|| internet_explorer(tokens))
        .or_else(|| opera(tokens))
        .or_else(|| safari(tokens));
    let (name, version) = found.unwrap_or_default();
    (name, version.to_owned())
}

/// What TikTok's app calls itself by its platform.
const TIKTOK: &[&str] = &["musical_ly", "trill", "BytedanceWebview", "TikTok"];

/// `musical_ly_40.1.0 … BytedanceWebview/d8a21c6`, where the second is the version of the page's
/// engine; on Android the app's number is a code, and `app_version/34.1.2` tells its version.
fn tiktok<'a>(tokens: &Tokens<'a>) -> Option<(&'static str, &'a str)> {
    let numbered = tokens.names().find_map(|name| {
        let rest = TIKTOK.iter().find_map(|app| name.strip_prefix(app))?;
        rest.strip_prefix('_')
    });
    let named = || TIKTOK.iter().find_map(|app| tokens.version(app));
    let found = numbered.or_else(named)?;
    let told = ["app_version", "AppVersion"]
        .iter()
        .find_map(|field| tokens.version(field));
    let is_version = |version: &&str| version.starts_with(|char: char| char.is_ascii_digit());
    let version = told.or(Some(found).filter(is_version));
    Some(("TikTok", version.unwrap_or_default()))
}

/// The version of a browser of the table.
fn versioned<'a>(tokens: &Tokens<'a>, product: &str, version: &'a str) -> &'a str {
    match product {
        // Facebook's app names itself in one product and its version in another.
        "FBAN" | "FB_IAB" => tokens.version("FBAV").unwrap_or_default(),
        // `Twitter for iPhone/10.2`.
        "Twitter" if version.is_empty() => tokens.version("iPhone").unwrap_or_default(),
        _ => version,
    }
}

fn chrome<'a>(tokens: &Tokens<'a>) -> Option<(&'static str, &'a str)> {
    let version = tokens.version("Chrome")?;
    let name = if tokens.has_part("wv") {
        "Chrome WebView"
    } else if tokens.has("Mobile") {
        "Mobile Chrome"
    } else {
        "Chrome"
    };
    Some((name, version))
}

fn firefox<'a>(tokens: &Tokens<'a>) -> Option<(&'static str, &'a str)> {
    let version = tokens.version("Firefox")?;
    let is_mobile = tokens.has_part("Mobile") || tokens.has_part("Tablet");
    let name = if is_mobile {
        "Mobile Firefox"
    } else {
        "Firefox"
    };
    Some((name, version))
}

fn internet_explorer<'a>(tokens: &Tokens<'a>) -> Option<(&'static str, &'a str)> {
    if let Some(version) = tokens.version("IEMobile").or(tokens.after("IEMobile")) {
        return Some(("IEMobile", version));
    }
    let version = tokens.after("MSIE").or_else(|| {
        // The last one no longer says so.
        tokens.has("Trident").then_some(tokens.after("rv")?)
    })?;
    Some(("IE", version))
}

fn opera<'a>(tokens: &Tokens<'a>) -> Option<(&'static str, &'a str)> {
    let version = tokens.version("Opera")?;
    Some(("Opera", tokens.version("Version").unwrap_or(version)))
}

fn safari<'a>(tokens: &Tokens<'a>) -> Option<(&'static str, &'a str)> {
    let engine = tokens.version("AppleWebKit")?;
    if !tokens.has("Safari") {
        return Some(("WebKit", engine));
    }
    let name = if tokens.has_part("Android") {
        "Android Browser"
    } else if tokens.has("Mobile") {
        "Mobile Safari"
    } else {
        "Safari"
    };
    let version = tokens.version("Version").or(tokens.version("Safari"));
    Some((name, version.unwrap_or_default()))
}
