//! Of which network an address is, and whether that is a data centre's: `docs/contract/track.md` §5.8.

use std::{collections::HashSet, sync::LazyLock};

use maxminddb::LookupResult;
use serde::{Deserialize, de::IgnoredAny};

use crate::database::{Database, Known};

/// The networks of hosts, as the file itself explains.
const DATACENTERS: &str = include_str!("../data/datacenters.txt");

static HOSTS: LazyLock<HashSet<u32>> = LazyLock::new(|| {
    let numbers = DATACENTERS.lines().filter_map(|line| line.split_once(' '));
    numbers
        .filter_map(|(number, _)| number.parse().ok())
        .collect()
});

/// How many bytes of an organization's name are kept.
const LONGEST_NAME: usize = 255;

/// Finds networks in a file such as GeoLite2-ASN, DB-IP ASN Lite or IPinfo Lite.
pub type Networks = Database<Network>;

/// The network of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The number of the autonomous system, if it is known.
    pub number: Option<u32>,
    /// The organization that runs it, or empty.
    pub organization: String,
    /// Whether its addresses are servers' rather than people's.
    pub is_datacenter: bool,
}

impl Network {
    /// The names of the properties that tell of it. Nobody else may give them.
    pub const PROPERTIES: [&'static str; 3] = ["__asn", "__network", "__datacenter"];

    /// Those properties with their values, as far as anything is known.
    pub fn properties(&self) -> impl Iterator<Item = (&'static str, String)> {
        let number = self.number.map(|number| number.to_string());
        let organization = Some(&self.organization).filter(|name| !name.is_empty());
        let mark = self.is_datacenter.then(|| "1".to_owned());
        let values = [number, organization.cloned(), mark];
        let pairs = Self::PROPERTIES.into_iter().zip(values);
        pairs.filter_map(|(name, value)| Some((name, value?)))
    }
}

impl Known for Network {
    fn read(record: &LookupResult<'_, Vec<u8>>) -> Option<Self> {
        Some(record.decode::<Record>().ok()??.network())
    }

    fn text_bytes(&self) -> usize {
        self.organization.len()
    }
}

/// What is wanted of a record. The files of different makers call it differently.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    autonomous_system_number: Option<Scalar<'a>>,
    #[serde(borrow)]
    autonomous_system_organization: Option<Scalar<'a>>,
    #[serde(borrow)]
    asn: Option<Scalar<'a>>,
    #[serde(borrow)]
    as_name: Option<Scalar<'a>>,
    #[serde(borrow)]
    name: Option<Scalar<'a>>,
    #[serde(borrow)]
    r#type: Option<Scalar<'a>>,
    #[serde(borrow)]
    as_type: Option<Scalar<'a>>,
    #[serde(borrow)]
    hosting: Option<Scalar<'a>>,
    #[serde(borrow)]
    is_hosting: Option<Scalar<'a>>,
    #[serde(borrow)]
    is_hosting_provider: Option<Scalar<'a>>,
}

/// A value of a record. Some makers write numbers and truth values as texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar<'a> {
    Flag(bool),
    Number(u32),
    Text(&'a str),
    Other(IgnoredAny),
}

impl Scalar<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// `24940` or `AS24940`; 0 is nobody's.
    fn number(&self) -> Option<u32> {
        let number = match self {
            Self::Number(number) => Some(*number),
            _ => {
                let text = self.text()?;
                text.trim_start_matches(['A', 'S', 'a', 's']).parse().ok()
            }
        };
        number.filter(|number| *number > 0)
    }

    fn is_true(&self) -> bool {
        matches!(self, Self::Flag(true) | Self::Number(1))
            || matches!(self.text(), Some("true" | "1"))
    }
}

impl Record<'_> {
    fn network(&self) -> Network {
        let numbers = [&self.autonomous_system_number, &self.asn];
        let names = [
            &self.autonomous_system_organization,
            &self.as_name,
            &self.name,
        ];
        let kinds = [&self.r#type, &self.as_type];
        let flags = [&self.hosting, &self.is_hosting, &self.is_hosting_provider];
        let number = numbers.into_iter().flatten().find_map(Scalar::number);
        let name = names.into_iter().flatten().find_map(Scalar::text);
        let name = name.unwrap_or_default();
        let is_called_so = kinds
            .into_iter()
            .flatten()
            .any(|kind| kind.text() == Some("hosting"));
        Network {
            number,
            organization: name[..name.floor_char_boundary(LONGEST_NAME)].to_owned(),
            is_datacenter: is_called_so
                || flags.into_iter().flatten().any(Scalar::is_true)
                || number.is_some_and(|number| HOSTS.contains(&number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::database::fixture::{Row, Value, file};

    /// What `rows` makes, for the tests of the whole server.
    const FIXTURE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/networks.mmdb");
    const FIXTURE: &[u8] = include_bytes!("../tests/fixtures/networks.mmdb");

    fn record(pairs: &[(&'static str, Value)]) -> Value {
        Value::Map(pairs.to_vec())
    }

    /// Rows as the files of several makers have them.
    fn rows() -> Vec<Row> {
        use Value::{Flag, Int, Map, Text};
        vec![
            (
                "88.198.0.0",
                16,
                record(&[
                    ("autonomous_system_number", Int(24_940)),
                    (
                        "autonomous_system_organization",
                        Text("Hetzner Online GmbH"),
                    ),
                ]),
            ),
            (
                "81.2.69.0",
                24,
                record(&[
                    ("autonomous_system_number", Int(20_712)),
                    (
                        "autonomous_system_organization",
                        Text("Andrews & Arnold Ltd"),
                    ),
                ]),
            ),
            // IPinfo, whose texts say what they know.
            (
                "8.8.8.0",
                24,
                record(&[
                    ("asn", Text("AS15169")),
                    ("as_name", Text("Google LLC")),
                    ("as_domain", Text("google.com")),
                ]),
            ),
            (
                "2.125.160.0",
                24,
                record(&[
                    ("asn", Text("AS64500")),
                    ("name", Text("A small host")),
                    ("type", Text("hosting")),
                ]),
            ),
            (
                "89.160.20.0",
                24,
                record(&[
                    ("asn", Text("AS29518")),
                    ("name", Text("Bredband2")),
                    ("type", Text("isp")),
                    ("hosting", Text("")),
                ]),
            ),
            (
                "175.16.199.0",
                24,
                record(&[("is_hosting_provider", Flag(true))]),
            ),
            ("202.196.224.0", 20, record(&[("hosting", Text("true"))])),
            (
                "67.43.156.0",
                24,
                record(&[
                    ("asn", Map(vec![("of", Text("another form"))])),
                    ("name", Text("Known by name")),
                ]),
            ),
            (
                "216.160.83.0",
                24,
                record(&[("autonomous_system_number", Int(0))]),
            ),
        ]
    }

    fn found(address: &str) -> (Option<u32>, String, bool) {
        let networks = Networks::open(FIXTURE_PATH).unwrap();
        let network = networks.find(address.parse().unwrap());
        (network.number, network.organization, network.is_datacenter)
    }

    #[test]
    fn the_fixture_is_what_these_rows_make() {
        assert!(
            file(&rows()) == FIXTURE,
            "run the test `write_the_fixture_of_networks`, which is ignored"
        );
    }

    #[test]
    #[ignore = "writes the file that other tests read"]
    fn write_the_fixture_of_networks() {
        fs::write(FIXTURE_PATH, file(&rows())).unwrap();
    }

    #[test]
    fn records_of_several_makers_are_read() {
        for (address, number, organization, is_datacenter) in [
            ("88.198.1.1", Some(24_940), "Hetzner Online GmbH", true),
            ("81.2.69.160", Some(20_712), "Andrews & Arnold Ltd", false),
            ("8.8.8.8", Some(15_169), "Google LLC", true),
            ("2.125.160.216", Some(64_500), "A small host", true),
            ("89.160.20.112", Some(29_518), "Bredband2", false),
            ("175.16.199.1", None, "", true),
            ("202.196.224.5", None, "", true),
            ("67.43.156.1", None, "Known by name", false),
            ("216.160.83.1", None, "", false),
            ("1.1.1.1", None, "", false),
            ("2001:db8::1", None, "", false),
        ] {
            let expected = (number, organization.to_owned(), is_datacenter);
            assert_eq!(found(address), expected, "{address}");
        }
    }

    #[test]
    fn properties_tell_what_is_known() {
        let network = Network {
            number: Some(24_940),
            organization: "Hetzner Online GmbH".to_owned(),
            is_datacenter: true,
        };
        let told = network.properties().collect::<Vec<_>>();
        let expected = [
            ("__asn", "24940"),
            ("__network", "Hetzner Online GmbH"),
            ("__datacenter", "1"),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(Network::default().properties().count(), 0);
    }

    #[test]
    fn long_names_are_cut() {
        let name = "ö".repeat(200);
        let record = Record {
            name: Some(Scalar::Text(&name)),
            ..Record::default()
        };
        assert_eq!(record.network().organization, "ö".repeat(127));
    }

    #[test]
    fn the_list_is_written_as_it_should_be() {
        let lines = DATACENTERS.lines();
        let lines = lines.filter(|line| !(line.is_empty() || line.starts_with('#')));
        let numbers = lines
            .map(|line| line.split_once(' ').unwrap().0.parse::<u32>().unwrap())
            .collect::<Vec<_>>();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!(numbers.len(), HOSTS.len());
        // Through these, people browse.
        for number in [13_335, 20_940, 36_183, 54_113, 53_813, 714, 7922, 3320] {
            assert!(!HOSTS.contains(&number), "{number}");
        }
    }
}
