//! Writes files of MaxMind's format, as small as tests need them.
//!
//! The format is told at <https://maxmind.github.io/MaxMind-DB/>.

use std::{collections::BTreeMap, net::IpAddr};

/// A value of a record.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(&'static str),
    Double(f64),
    Short(u16),
    Int(u32),
    Long(u64),
    Flag(bool),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

/// A network, by its address and the length of its prefix, with its record.
pub(crate) type Row = (&'static str, u8, Value);

/// The bytes of a file with these networks.
pub(crate) fn file(rows: &[Row]) -> Vec<u8> {
    let mut tree = Tree::default();
    let mut data = Vec::new();
    for (address, prefix, value) in rows {
        let offset = u32::try_from(data.len()).unwrap();
        encode(value, &mut data);
        let address: IpAddr = address.parse().unwrap();
        let (bits, length) = match address {
            // IPv4 lies at the beginning of IPv6.
            IpAddr::V4(address) => (u128::from(u32::from(address)), prefix + 96),
            IpAddr::V6(address) => (u128::from(address), *prefix),
        };
        tree.add(bits, length, offset);
    }
    let mut bytes = tree.bytes();
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    encode(&metadata(tree.nodes.len()), &mut bytes);
    bytes
}

fn metadata(nodes: usize) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_790_000_000)),
        ("database_type", Value::Text("Paneld-Test-City")),
        ("description", Value::Map(vec![])),
        ("ip_version", Value::Short(6)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::Int(u32::try_from(nodes).unwrap())),
        ("record_size", Value::Short(32)),
    ])
}

/// The networks, bit by bit.
struct Tree {
    nodes: Vec<[Branch; 2]>,
}

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Data(u32),
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![[Branch::Nothing; 2]],
        }
    }
}

impl Tree {
    fn add(&mut self, bits: u128, length: u8, offset: u32) {
        let bit = |index: u8| usize::from(bits >> (127 - index) & 1 == 1);
        let mut node = 0;
        for index in 0..length - 1 {
            node = match self.nodes[node][bit(index)] {
                Branch::Node(next) => next,
                _ => {
                    self.nodes.push([Branch::Nothing; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][bit(index)] = Branch::Node(next);
                    next
                }
            };
        }
        self.nodes[node][bit(length - 1)] = Branch::Data(offset);
    }

    fn bytes(&self) -> Vec<u8> {
        let count = u32::try_from(self.nodes.len()).unwrap();
        let record = |branch: &Branch| match branch {
            Branch::Nothing => count,
            Branch::Node(node) => u32::try_from(*node).unwrap(),
            Branch::Data(offset) => count + 16 + offset,
        };
        let records = self.nodes.iter().flatten().map(record);
        records.flat_map(u32::to_be_bytes).collect()
    }
}

fn encode(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            head(2, text.len(), bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Double(number) => {
            head(3, 8, bytes);
            bytes.extend(number.to_be_bytes());
        }
        Value::Short(number) => {
            head(5, 2, bytes);
            bytes.extend(number.to_be_bytes());
        }
        Value::Int(number) => {
            head(6, 4, bytes);
            bytes.extend(number.to_be_bytes());
        }
        Value::Long(number) => {
            head(9, 8, bytes);
            bytes.extend(number.to_be_bytes());
        }
        // The value is the size.
        Value::Flag(flag) => head(14, usize::from(*flag), bytes),
        Value::List(values) => {
            head(11, values.len(), bytes);
            for value in values {
                encode(value, bytes);
            }
        }
        Value::Map(pairs) => {
            head(7, pairs.len(), bytes);
            for (key, value) in pairs {
                encode(&Value::Text(key), bytes);
                encode(value, bytes);
            }
        }
    }
}

/// The type of a value and its size, which is never long here.
fn head(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    let size = u8::try_from(size).unwrap();
    let (short, long) = match size {
        0..=28 => (size, None),
        _ => (29, Some(size - 29)),
    };
    match kind {
        0..=7 => bytes.push(kind << 5 | short),
        _ => bytes.extend([short, kind - 7]),
    }
    bytes.extend(long);
}

/// A record as that of GeoLite2-City; what is empty is left out.
pub(crate) fn city(
    country: &'static str,
    region: &'static str,
    city: &'static str,
    location: Option<(f64, f64)>,
) -> Value {
    let named = |name| {
        Value::Map(vec![(
            "names",
            Value::Map(vec![("de", Value::Text("?")), ("en", Value::Text(name))]),
        )])
    };
    let mut record = BTreeMap::new();
    if !country.is_empty() {
        let code = ("iso_code", Value::Text(country));
        record.insert("country", Value::Map(vec![code]));
    }
    if !region.is_empty() {
        let regions = vec![named(region), named("a part of it")];
        record.insert("subdivisions", Value::List(regions));
    }
    if !city.is_empty() {
        record.insert("city", named(city));
    }
    if let Some((longitude, latitude)) = location {
        let pair = vec![
            ("latitude", Value::Double(latitude)),
            ("longitude", Value::Double(longitude)),
            ("accuracy_radius", Value::Short(20)),
        ];
        record.insert("location", Value::Map(pair));
    }
    Value::Map(record.into_iter().collect())
}
