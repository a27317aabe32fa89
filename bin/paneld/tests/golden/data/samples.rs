//! What visitors of the data set are, have and do.

pub(super) const SITE: &str = "https://shop.example";

/// Pages, with their titles; some have none, some are screens of an app without an origin.
pub(super) const PAGES: &[(&str, &str)] = &[
    ("https://shop.example/", "Hem – Åkes Shop"),
    ("https://shop.example/pricing", "Pricing"),
    ("https://shop.example/pricing", "Pricing 2026"),
    ("https://shop.example/cart", ""),
    ("https://shop.example/checkout", "Checkout 🛒"),
    ("https://shop.example/blog/1", "One % of_it"),
    ("https://shop.example/blog/2", "Two"),
    ("https://shop.example/blog/å%20ä", "Åäö"),
    ("https://docs.shop.example/", "Docs"),
    ("https://docs.shop.example/pricing", "Docs of pricing"),
    ("http://localhost:3000/dev#top", ""),
    ("/relative?x=1", "Relative"),
    ("Home Screen", ""),
];

pub(super) const CAMPAIGNS: &[&str] = &[
    "utm_source=news&utm_medium=email&utm_campaign=spring%20sale",
    "utm_source=News&utm_medium=email",
    "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_term=shoes&utm_content=a",
    "utm_source=%F0%9F%9A%80&utm_campaign=50%25_off",
    "ref=producthunt",
];

pub(super) const REFERRERS: &[&str] = &[
    "",
    "",
    "https://www.google.com/",
    "https://t.co/abc",
    "https://news.ycombinator.com/item?id=1",
    "https://unknown.example/some/page/",
    "https://shop.example/cart",
    "android-app://com.example",
];

pub(super) const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
     Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
     Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
     Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
     Chrome/125.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
];

/// Operating system, its version, browser, its version, device, brand and model.
pub(super) const IMPORTED_AGENTS: &[[&str; 7]] = &[
    ["Windows", "10", "Chrome", "126.0", "desktop", "", ""],
    ["Windows", "11", "Edge", "126.0", "desktop", "", ""],
    [
        "macOS",
        "14.5",
        "Safari",
        "17.4",
        "desktop",
        "Apple",
        "Macintosh",
    ],
    [
        "iOS",
        "17.4",
        "Mobile Safari",
        "17.4",
        "mobile",
        "Apple",
        "iPhone",
    ],
    [
        "Android",
        "14",
        "Mobile Chrome",
        "125.0",
        "mobile",
        "Google",
        "Pixel 8",
    ],
    [
        "Android",
        "13",
        "Samsung Internet",
        "25",
        "tablet",
        "Samsung",
        "SM-T870",
    ],
    ["Linux", "", "Firefox", "127.0", "desktop", "", ""],
    ["", "", "", "", "", "", ""],
];

/// Country, region, city, longitude and latitude.
type Place = (&'static str, &'static str, &'static str, Option<(f64, f64)>);

/// Some have no city, some no country; some cities share their names.
pub(super) const PLACES: &[Place] = &[
    ("SE", "Stockholm", "Stockholm", Some((18.0686, 59.3293))),
    (
        "SE",
        "Västra Götaland",
        "Göteborg",
        Some((11.9746, 57.7089)),
    ),
    ("SE", "Stockholm", "", None),
    (
        "US",
        "California",
        "San Francisco",
        Some((-122.4194, 37.7749)),
    ),
    ("US", "Illinois", "Springfield", Some((-89.65, 39.8))),
    ("US", "Massachusetts", "Springfield", Some((-72.5, 42.1))),
    ("US", "", "", Some((-97.0, 38.0))),
    ("BR", "São Paulo", "São Paulo", Some((-46.6333, -23.5505))),
    ("WS", "Tuamasaga", "Apia", Some((-171.75, -13.8333))),
    ("NP", "Bagmati", "काठमाडौं", Some((85.324, 27.7172))),
    ("", "", "", None),
    ("", "", "Nowhere", None),
];

/// What can happen beside screen views; some events happen more often.
pub(super) const NAMES: &[&str] = &[
    "signup",
    "add_to_cart",
    "add_to_cart",
    "checkout",
    "link_out",
    "köp 🎉",
    "a->b",
    "50%_off\"; DROP TABLE events; --",
];

pub(super) const PLANS: &[&str] = &["free", "pro", "Pro", "enterprise", "o'brien", "100%", "a_b"];

pub(super) const GROUPS: &[&[&str]] = &[
    &[],
    &[],
    &["acme"],
    &["beta"],
    &["acme", "beta"],
    &["ghost"],
    &["acme", "acme"],
];

/// Id, first name, last name, e-mail address.
pub(super) const PEOPLE: &[(&str, &str, &str, &str)] = &[
    ("anna", "Anna", "Åkesson", "anna@example.com"),
    ("bo", "Bo", "", "BO@Example.com"),
    ("carla", "Carla", "von Döbeln", ""),
    ("123", "", "", "number@example.com"),
    ("user 🚀", "Émile", "Zola", "emile@example.org"),
    ("o'brien\"", "Pat", "O'Brien", "pat%_@example.org"),
    ("dave", "Dave", "Anna", "dave@example.com"),
    ("eve", "", "", ""),
];
