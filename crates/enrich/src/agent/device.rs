//! Which kind of device it is, who made it, and its model.

use super::tokens::Tokens;

/// What a visitor holds in their hands, or has in front of them.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) kind: &'static str,
    pub(super) brand: String,
    pub(super) model: String,
}

const DESKTOP: &str = "desktop";
const MOBILE: &str = "mobile";
const TABLET: &str = "tablet";
const SMART_TV: &str = "smarttv";
const CONSOLE: &str = "console";
const WEARABLE: &str = "wearable";
const XR: &str = "xr";

/// Makers by how the names of their models begin; `#` stands for a digit, `@` for a letter.
/// Rather long than clever, and in no order but that the first that fits wins.
const MODELS: &[(&str, &str)] = &[
    ("SM-", "Samsung"),
    ("GT-", "Samsung"),
    ("SCH-", "Samsung"),
    ("SGH-", "Samsung"),
    ("SHV-", "Samsung"),
    ("SC-##", "Samsung"),
    ("SCG##", "Samsung"),
    ("LM-", "LG"),
    ("LGM-", "LG"),
    ("LG-", "LG"),
    ("VS###", "LG"),
    ("Nexus 4", "LG"),
    ("Nexus 5", "LG"),
    ("Nexus 6P", "Huawei"),
    ("Nexus 6", "Motorola"),
    ("Nexus 7", "ASUS"),
    ("Nexus 9", "HTC"),
    ("Nexus 10", "Samsung"),
    ("XT####", "Motorola"),
    ("Moto", "Motorola"),
    ("SO-##", "Sony"),
    ("SOV##", "Sony"),
    ("SOG##", "Sony"),
    ("XQ-", "Sony"),
    ("BRAVIA", "Sony"),
    ("CPH####", "OPPO"),
    ("MIBOX", "Xiaomi"),
    ("MITV", "Xiaomi"),
    ("MiBOX", "Xiaomi"),
    ("Mi Box", "Xiaomi"),
    ("TPM###", "Philips"),
    ("OPD####", "OPPO"),
    ("P@@@##", "OPPO"),
    ("RMX####", "Realme"),
    ("AC####", "OnePlus"),
    ("BE####", "OnePlus"),
    ("DN####", "OnePlus"),
    ("EB####", "OnePlus"),
    ("GM####", "OnePlus"),
    ("HD####", "OnePlus"),
    ("IN####", "OnePlus"),
    ("IV####", "OnePlus"),
    ("KB####", "OnePlus"),
    ("LE####", "OnePlus"),
    ("NE####", "OnePlus"),
    ("V####", "Vivo"),
    ("I####", "Vivo"),
    ("M####@", "Xiaomi"),
    ("#####", "Xiaomi"),
    ("####@@@", "Xiaomi"),
    ("MiTV", "Xiaomi"),
    ("Mi ", "Xiaomi"),
    ("MI-", "Xiaomi"),
    ("TA-####", "Nokia"),
    ("KF@@", "Amazon"),
    ("AFT", "Amazon"),
    ("TB-", "Lenovo"),
    ("TB###", "Lenovo"),
    ("YT-", "Lenovo"),
    ("FP#", "Fairphone"),
    ("A0##", "Nothing"),
    ("A###", "Nothing"),
    ("ZB###", "ASUS"),
    ("ZS###", "ASUS"),
    ("SH-##", "Sharp"),
    ("SHG##", "Sharp"),
    ("KYV##", "Kyocera"),
    ("BV####", "Blackview"),
    ("Quest", "Oculus"),
    ("@@@-L", "Huawei"),
    ("@@@-AL", "Huawei"),
    ("@@@-TL", "Huawei"),
    ("@@@-AN", "Huawei"),
    ("@@@-NX", "Huawei"),
    ("@@@-N", "Huawei"),
    ("@@@-W", "Huawei"),
    ("@@@#-L", "Huawei"),
    ("@@@#-W", "Huawei"),
];

/// Phones of OnePlus among the numbers that it shares with OPPO.
const ONE_PLUS: &[&str] = &[
    "2381", "2399", "2401", "2409", "2411", "2413", "2415", "2417", "2419", "2423", "2447", "2449",
    "2451", "2459", "2465", "2467", "2469", "2487", "2491", "2493", "2513", "2515", "2517", "2551",
    "2569", "2573", "2581", "2583", "2585", "2609", "2611", "2613", "2619", "2621", "2645", "2647",
    "2649", "2653", "2655", "2661", "2663", "2691", "2707", "2709", "2717", "2723", "2745", "2749",
];

/// Makers by a word in the name of the model or of the manufacturer.
const WORDS: &[(&str, &str)] = &[
    ("Acer", "Acer"),
    ("Alcatel", "Alcatel"),
    ("Amazon", "Amazon"),
    ("Apple", "Apple"),
    ("Aquaris", "BQ"),
    ("Archos", "Archos"),
    ("ASUS", "ASUS"),
    ("BlackBerry", "BlackBerry"),
    ("Blackview", "Blackview"),
    ("BLU", "BLU"),
    ("Chromecast", "Google"),
    ("Coolpad", "Coolpad"),
    ("CUBOT", "Cubot"),
    ("Doogee", "Doogee"),
    ("DROID", "Motorola"),
    ("Fairphone", "Fairphone"),
    ("Galaxy", "Samsung"),
    ("Gionee", "Gionee"),
    ("Google", "Google"),
    ("Hisense", "Hisense"),
    ("HMD", "Nokia"),
    ("Honor", "Honor"),
    ("HTC", "HTC"),
    ("Huawei", "Huawei"),
    ("Infinix", "Infinix"),
    ("Intex", "Intex"),
    ("itel", "itel"),
    ("Karbonn", "Karbonn"),
    ("Kindle", "Amazon"),
    ("Kyocera", "Kyocera"),
    ("Lava", "Lava"),
    ("Lenovo", "Lenovo"),
    ("LG", "LG"),
    ("LGE", "LG"),
    ("Lumia", "Microsoft"),
    ("MediaPad", "Huawei"),
    ("Meizu", "Meizu"),
    ("Micromax", "Micromax"),
    ("Microsoft", "Microsoft"),
    ("MIX", "Xiaomi"),
    ("Moto", "Motorola"),
    ("Motorola", "Motorola"),
    ("Nexus", "Google"),
    ("Nokia", "Nokia"),
    ("Nothing", "Nothing"),
    ("Nvidia", "Nvidia"),
    ("OnePlus", "OnePlus"),
    ("OPPO", "OPPO"),
    ("Oukitel", "Oukitel"),
    ("Panasonic", "Panasonic"),
    ("Philips", "Philips"),
    ("Pixel", "Google"),
    ("Prestigio", "Prestigio"),
    ("POCO", "Xiaomi"),
    ("POCOPHONE", "Xiaomi"),
    ("Realme", "Realme"),
    ("Redmi", "Xiaomi"),
    ("Roku", "Roku"),
    ("Samsung", "Samsung"),
    ("Sharp", "Sharp"),
    ("SHIELD", "Nvidia"),
    ("Sony", "Sony"),
    ("Surface", "Microsoft"),
    ("TCL", "TCL"),
    ("Tecno", "TECNO"),
    ("Ulefone", "Ulefone"),
    ("Umidigi", "Umidigi"),
    ("vivo", "Vivo"),
    ("Wiko", "Wiko"),
    ("Xiaomi", "Xiaomi"),
    ("Xperia", "Sony"),
    ("ZTE", "ZTE"),
];

/// How the names of tablets begin.
const TABLETS: &[&str] = &[
    "AGS-", "BAH-", "BTV-", "BZT-", "CMR-", "DBY-", "JDN-", "KOB-", "MON-", "SCM-", "SHT-", "VRD-",
    "SM-T", "SM-X", "SM-P", "GT-P", "GT-N8", "Nexus 7", "Nexus 9", "Nexus 10", "KF@@", "TB-",
    "TB###", "YT-", "OPD####", "@@@-W", "@@@#-W", "@@@#-L",
];

/// Words in the names of tablets, and of televisions.
const TABLET_WORDS: &[&str] = &["Tab", "Tablet", "Pad", "iPad", "MediaPad", "MatePad"];
const TV_WORDS: &[&str] = &["TV", "STB", "Chromecast", "BRAVIA", "Mecool", "Freebox"];

/// How the names of televisions and of boxes for them begin.
const TVS: &[&str] = &[
    "A95X",
    "ADT-#",
    "AFT",
    "H96",
    "MIBOX",
    "Mi Box",
    "MXQ",
    "Nexus Player",
    "T95",
    "TPM###",
    "TX#",
    "X96",
];

/// Consoles by a part of a comment.
const CONSOLES: &[(&str, &str, &str)] = &[
    ("Xbox", "Microsoft", "Xbox"),
    ("PlayStation", "Sony", "PlayStation"),
    ("Nintendo", "Nintendo", ""),
];

/// Looks at the words, and at what is known of the operating system already.
pub(super) fn device(tokens: &Tokens, system: &str) -> Device {
    console(tokens)
        .or_else(|| apple(tokens, system))
        .unwrap_or_else(|| other(tokens, system))
}

fn console(tokens: &Tokens) -> Option<Device> {
    CONSOLES.iter().find_map(|(word, brand, model)| {
        // The longest part says most: `Xbox; Xbox One`, and `PlayStation; PlayStation 5/2.26`.
        let parts = tokens.parts().filter(|part| starts_like(part, word));
        let part = parts.max_by_key(|part| part.len())?;
        let part = part.split('/').next().unwrap_or_default();
        let model = if model.is_empty() {
            part.get(word.len()..).unwrap_or_default().trim()
        } else {
            part
        };
        Some(Device {
            kind: CONSOLE,
            brand: (*brand).to_owned(),
            model: model.to_owned(),
        })
    })
}

fn apple(tokens: &Tokens, system: &str) -> Option<Device> {
    let named = ["iPhone", "iPod", "iPad", "AppleTV", "Watch"]
        .iter()
        .find_map(|word| apple_model(tokens, word));
    let (kind, model) = match (named, system) {
        (Some(model), _) if model.starts_with("iPad") => (TABLET, model),
        (Some(model), _) if model.starts_with("AppleTV") => (SMART_TV, model),
        (Some(model), _) if model.starts_with("Watch") => (WEARABLE, model),
        (Some(model), _) => (MOBILE, model),
        (None, "macOS") => (DESKTOP, "Macintosh"),
        (None, "watchOS") => (WEARABLE, "Watch"),
        (None, "tvOS") => (SMART_TV, "AppleTV"),
        _ => return None,
    };
    Some(Device {
        kind,
        brand: "Apple".to_owned(),
        model: model.to_owned(),
    })
}

/// `iPhone`, or `iPhone16,2` of apps, which name the very model.
fn apple_model<'a>(tokens: &Tokens<'a>, word: &str) -> Option<&'a str> {
    let words = tokens
        .parts()
        .chain(tokens.names())
        .chain(tokens.version("FBDV"))
        .filter_map(|part| part.split(' ').next());
    words.into_iter().find(|name| {
        let rest = name.strip_prefix(word);
        rest.is_some_and(|rest| {
            rest.chars()
                .all(|char| char.is_ascii_digit() || char == ',')
        })
    })
}

fn other(tokens: &Tokens, system: &str) -> Device {
    let named = model(tokens).unwrap_or_default();
    let model = without_maker(named);
    let manufacturer = tokens.after("Manufacturer").unwrap_or_default();
    let brand = brand_of_word(manufacturer)
        .or_else(|| brand_of_model(model))
        .or_else(|| brand_of_word(named))
        .unwrap_or(manufacturer);
    let brand = match (brand, system) {
        ("", "webOS") => "LG",
        ("", "Tizen") => "Samsung",
        ("", "Roku OS") => "Roku",
        // `HbbTV/1.4.1 (+DRM;Philips;50PUS;…)`.
        ("", _) if tokens.has("HbbTV") => {
            tokens.parts().find_map(brand_of_word).unwrap_or_default()
        }
        _ => brand,
    };
    Device {
        kind: kind(tokens, system, model),
        brand: brand.to_owned(),
        model: model.to_owned(),
    }
}

/// The name of the model: `Pixel 8` of `Linux; Android 14; Pixel 8 Build/UD1A`.
fn model<'a>(tokens: &Tokens<'a>) -> Option<&'a str> {
    if let Some(model) = tokens.after("Model") {
        return Some(model);
    }
    let behind_system = tokens
        .parts_behind("Android")
        .find(|part| !is_no_model(part));
    // Headsets pretend to run a desktop's Linux.
    let part = behind_system
        .or_else(|| tokens.parts().find(|part| starts_like(part, "Quest")))
        .or_else(|| tokens.version("FBDV"))?;
    Some(part.split(" Build/").next()?.split(" MIUI/").next()?.trim())
}

/// The model behind its maker: `TB-X606F` of `Lenovo TB-X606F`.
fn without_maker(model: &str) -> &str {
    let rest = ["SAMSUNG ", "Lenovo ", "LENOVO ", "HUAWEI "]
        .iter()
        .find_map(|maker| model.strip_prefix(maker));
    rest.map_or(model, str::trim)
}

/// What stands between the system and the model, or in place of it.
fn is_no_model(part: &str) -> bool {
    let is_language = matches!(
        part.as_bytes(),
        [_, _] | [_, _, b'-' | b'_'] | [_, _, b'-' | b'_', _, _]
    );
    let is_placeholder = matches!(
        part,
        // Browsers that tell no model say `K`.
        "U" | "K" | "wv" | "Mobile" | "Tablet" | "HarmonyOS" | "arm" | "arm_64" | "Android"
    );
    let is_other = ["rv:", "Build/", "HMSCore", "GMSCore"]
        .iter()
        .any(|start| part.starts_with(start));
    is_language || is_placeholder || is_other
}

fn brand_of_model(model: &str) -> Option<&'static str> {
    let number = model.strip_prefix("CPH");
    if number.is_some_and(|number| ONE_PLUS.contains(&number)) {
        return Some("OnePlus");
    }
    let found = MODELS
        .iter()
        .find(|(pattern, _)| starts_like(model, pattern));
    found.map(|(_, brand)| *brand)
}

fn brand_of_word(text: &str) -> Option<&'static str> {
    let found = WORDS.iter().find(|(word, _)| has_word(text, word));
    found.map(|(_, brand)| *brand)
}

fn kind(tokens: &Tokens, system: &str, model: &str) -> &'static str {
    if is_tv(tokens, system, model) {
        return SMART_TV;
    }
    if starts_like(model, "Quest") || tokens.has("OculusBrowser") {
        return XR;
    }
    if starts_like(model, "SM-R###") || has_word(model, "Watch") {
        return WEARABLE;
    }
    if is_tablet(tokens, model) {
        return TABLET;
    }
    // What Facebook's apps send without a browser's words comes from phones.
    let says_so = tokens.has("Mobile")
        || tokens.has_part("Mobile")
        || tokens.has("FBAN")
        || tokens.has("FBAV");
    if says_so || is_phones(system) || tokens.has("Opera Mini") {
        return MOBILE;
    }
    match system {
        // Browsers of phones say `Mobile`; apps say nothing, and most run on phones.
        "Android" | "HarmonyOS" if tokens.has("AppleWebKit") => TABLET,
        "Android" | "HarmonyOS" => MOBILE,
        _ => DESKTOP,
    }
}

fn is_tv(tokens: &Tokens, system: &str, model: &str) -> bool {
    let in_comment = ["SMART-TV", "SmartTV", "Linux/SmartTV", "Android TV"]
        .iter()
        .any(|word| tokens.has_part(word));
    let in_product = ["SmartTV", "CrKey", "HbbTV", "Roku", "TV"]
        .iter()
        .any(|word| tokens.has(word));
    let in_model = TVS.iter().any(|pattern| starts_like(model, pattern))
        || TV_WORDS.iter().any(|word| has_word(model, word))
        || words(model).any(|word| word.ends_with("TV"));
    in_comment || in_product || in_model || matches!(system, "webOS" | "Roku OS")
}

fn is_tablet(tokens: &Tokens, model: &str) -> bool {
    tokens.has_part("Tablet")
        || TABLETS.iter().any(|pattern| starts_like(model, pattern))
        || TABLET_WORDS.iter().any(|word| has_word(model, word))
}

/// Whether a system runs on phones only.
fn is_phones(system: &str) -> bool {
    matches!(
        system,
        "Windows Phone" | "Windows Mobile" | "KAIOS" | "BlackBerry" | "Symbian" | "Sailfish"
    )
}

/// Whether a text begins like a pattern, in which `#` stands for a digit and `@` for a letter.
fn starts_like(text: &str, pattern: &str) -> bool {
    let mut chars = text.chars();
    pattern.chars().all(|expected| {
        chars.next().is_some_and(|char| match expected {
            '#' => char.is_ascii_digit(),
            '@' => char.is_ascii_uppercase(),
            _ => char.eq_ignore_ascii_case(&expected),
        })
    })
}

/// Whether a text has this word, whatever its case.
fn has_word(text: &str, word: &str) -> bool {
    words(text).any(|other| other.eq_ignore_ascii_case(word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric())
}
