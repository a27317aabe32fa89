use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn filter(name: &str, operator: &str, values: Value) -> Filter {
    typed(name, operator, values, "string")
}

fn typed(name: &str, operator: &str, values: Value, value_type: &str) -> Filter {
    let item = json!({"name": name, "operator": operator, "value": values, "type": value_type});
    Filter::read(&item).unwrap()
}

/// The problems of one filter: `operator: must be …`.
fn problems(item: Value) -> Vec<String> {
    let problems = Filter::read_all(&json!([item])).unwrap_err();
    let printed = problems.iter().map(|problem| {
        let steps = problem.path.iter().map(ToString::to_string);
        let path: Vec<_> = steps.collect();
        format!("{}: {}", path.join("/"), problem.message)
    });
    printed.collect()
}

#[test]
fn every_name_is_known_and_printed_as_the_store_has_it() {
    for column in Column::ALL {
        let field: Field = column.name().parse().unwrap();
        assert_eq!(field, Field::Column(*column));
    }
    for (name, canonical) in [
        ("referrerName", "referrer_name"),
        ("importedAt", "imported_at"),
        ("utm_source", "utm_source"),
        ("properties.plan", "properties.plan"),
        (
            "properties.__query.utm_source",
            "properties.__query.utm_source",
        ),
        ("properties.items.*.name", "properties.items.*.name"),
        ("properties.items[*].name", "properties.items.*.name"),
        ("properties.tags[*]", "properties.tags.*"),
        ("has_profile", "has_profile"),
        ("profile.email", "profile.email"),
        ("profile.properties.a.b", "profile.properties.a.b"),
        ("group.name", "group.name"),
        ("group.anything", "group.id"),
        ("group.properties.plan", "group.properties.plan"),
        ("session.is_bounce", "session.is_bounce"),
    ] {
        let field: Field = name.parse().unwrap();
        assert_eq!(field.to_string(), canonical, "{name}");
    }
    for name in [
        "",
        "plan",
        "groups",
        "Country",
        "properties.",
        "properties",
        "profile.plan",
        "profile.properties.",
        "group.",
        "session.path",
        "properties.a\0b",
    ] {
        assert!(name.parse::<Field>().is_err(), "{name}");
    }
}

#[test]
fn a_star_stands_for_any_text() {
    let means = |pattern: &str, key: &str| PropertyKey::parse(pattern).means(key);
    assert!(means("items[*].name", "items.0.name"));
    assert!(means("items.*.name", "items.0.sub.name"));
    assert!(!means("items.*.name", "items.name"));
    assert!(means("tags[*]", "tags.0"));
    assert!(!means("tags[*]", "tags"));
    assert!(means("plan", "plan"));
    assert!(!means("plan", "plans"));
    // Only the first star is one.
    assert!(means("a.*.b*", "a.0.b*"));
    assert!(!means("a.*.b*", "a.0.bc"));
}

#[test]
fn text_operators_mean_what_they_say() {
    for (operator, values, matching, other) in [
        (
            "is",
            json!(["SE", "US"]),
            vec!["SE", "US"],
            vec!["", "se", "GB"],
        ),
        (
            "isNot",
            json!(["SE", "US"]),
            vec!["", "GB", "se"],
            vec!["SE", "US"],
        ),
        (
            "contains",
            json!(["tock", "%"]),
            vec!["Stockholm", "5%"],
            vec!["", "TOCK"],
        ),
        (
            "doesNotContain",
            json!(["a", "b"]),
            vec!["", "c", "A"],
            vec!["ca", "bc", "ab"],
        ),
        (
            "startsWith",
            json!(["/a_"]),
            vec!["/a_b"],
            vec!["/ab", "x/a_"],
        ),
        (
            "endsWith",
            json!([".pdf"]),
            vec!["x.pdf"],
            vec!["x.PDF", "pdf"],
        ),
        (
            "regex",
            json!(["^/a+$", "/b.d/"]),
            vec!["/aa", "abcd"],
            vec!["/ab", "bd"],
        ),
        ("isNull", json!([]), vec![""], vec!["x", " "]),
        ("isNotNull", json!([]), vec!["x"], vec![""]),
        ("gt", json!(["b"]), vec!["c", "ba"], vec!["", "b", "a", "C"]),
        ("lte", json!(["b"]), vec!["b", "a", "B"], vec!["", "ba"]),
    ] {
        let filter = filter("city", operator, values);
        for text in matching {
            assert!(filter.matches(&[text]), "{text:?} {operator}");
        }
        for text in other {
            assert!(!filter.matches(&[text]), "{text:?} {operator}");
        }
    }
}

#[test]
fn what_is_a_number_is_compared_as_one() {
    for name in [
        "duration",
        "properties.price",
        "profile.properties.age",
        "session.event_count",
    ] {
        let filter = filter(name, "lt", json!([10]));
        assert_eq!(filter.comparison(), Comparison::Number);
        assert_eq!(filter.operands(), &Operands::Numbers(vec![10.0]));
        assert!(filter.matches(&["9"]) && filter.matches(&["9.5e0"]));
        // Missing is not 0.
        for text in ["10", "100", "", "abc", "inf", "nan", "1_0"] {
            assert!(!filter.matches(&[text]), "{name} {text}");
        }
    }
    assert_eq!(
        filter("city", "lt", json!([10])).comparison(),
        Comparison::Text
    );
    assert_eq!(
        filter("duration", "is", json!([10])).comparison(),
        Comparison::Text
    );
    assert!(filter("session.duration", "is", json!(["10.0"])).matches(&["10"]));
}

#[test]
fn a_type_says_how_both_sides_are_read() {
    for (operator, value_type, value, matching, other) in [
        (
            "is",
            "number",
            json!("1.0"),
            vec!["1", "1e0"],
            vec!["", "x", "2"],
        ),
        ("isNot", "number", json!(1), vec!["2"], vec!["1.0", "x", ""]),
        (
            "gte",
            "date",
            json!("2026-08-10"),
            vec!["2026-08-10", "2026-08-11 01:00:00"],
            vec!["2026-08-09T23:59:59Z", "", "soon"],
        ),
        (
            "is",
            "date",
            json!("2026-08-10T23:00:00Z"),
            vec!["2026-08-10"],
            vec!["2026-08-11"],
        ),
        (
            "lt",
            "datetime",
            json!("2026-08-10 10:00:00"),
            vec!["2026-08-10T09:59:59.999Z"],
            vec!["2026-08-10T11:00:00+01:00", ""],
        ),
        (
            "is",
            "boolean",
            json!(true),
            vec!["true", "1", "YES"],
            vec!["", "on", "false"],
        ),
        (
            "isNot",
            "boolean",
            json!("yes"),
            vec!["", "0"],
            vec!["True"],
        ),
        ("gt", "boolean", json!(false), vec!["1"], vec!["0", ""]),
        // Has no say in these.
        ("contains", "number", json!("1"), vec!["21x"], vec!["2"]),
    ] {
        let filter = typed("properties.x", operator, json!([value]), value_type);
        for text in matching {
            assert!(filter.matches(&[text]), "{text:?} {operator} {value_type}");
        }
        for text in other {
            assert!(!filter.matches(&[text]), "{text:?} {operator} {value_type}");
        }
    }
}

#[test]
fn one_of_many_has_to_match() {
    let filter_on = |operator| filter("properties.items[*].name", operator, json!(["a"]));
    assert!(filter_on("is").matches(&["b", "a"]));
    assert!(filter_on("isNot").matches(&["b", "a"]));
    assert!(!filter_on("isNot").matches(&["a"]));
    assert!(!filter_on("isNot").matches(&[]));
    assert!(!filter_on("isNull").matches(&[]));
    assert!(filter_on("is").field().has_many());

    let performed = |operator| filter("session.performed_event", operator, json!(["signup"]));
    assert!(performed("is").matches(&["screen_view", "signup"]));
    assert!(!performed("isNot").matches(&["screen_view", "signup"]));
    assert!(performed("isNot").matches(&["screen_view"]));
}

#[test]
fn values_become_trimmed_texts() {
    let values = json!([" SE ", 1, 1.5, 1.0, 1e21, true, null]);
    assert_eq!(
        filter("country", "is", values).values(),
        ["SE", "1", "1.5", "1", "1e+21", "true", "null"]
    );
    let known = filter("has_profile", "isNot", json!([true]));
    assert!(known.matches(&["false"]) && !known.matches(&["true"]));
}

#[test]
fn everything_that_is_wrong_is_told() {
    for (item, expected) in [
        (json!("country"), vec!["0: must be an object"]),
        (
            json!({"name": 1}),
            vec![
                "0/name: must be a text",
                "0/operator: is required",
                "0/value: is required",
            ],
        ),
        (
            json!({"name": "country", "operator": "is", "value": []}),
            vec!["0/value: must not be empty"],
        ),
        (
            json!({"name": "country", "operator": "is", "value": "SE"}),
            vec!["0/value: must be a list"],
        ),
        (
            json!({"name": "country", "operator": "is", "value": ["SE", {}]}),
            vec!["0/value/1: must be a text, a number, a boolean or null"],
        ),
        (
            json!({"name": "duration", "operator": "gt", "value": ["1", "x"]}),
            vec!["0/value/1: must be a number"],
        ),
        (
            json!({"name": "path", "operator": "regex", "value": ["("]}),
            vec!["0/value/0: must be a regular expression"],
        ),
        (
            json!({"name": "path", "operator": "regex", "value": ["(\\pL{30}){30}"]}),
            vec!["0/value/0: must be a smaller regular expression"],
        ),
        (
            json!({"name": "country", "operator": "is", "value": ["\u{0}"]}),
            vec!["0/value/0: must not contain NUL characters"],
        ),
        (
            json!({"name": "has_profile", "operator": "is", "value": ["yes"]}),
            vec!["0/value/0: must be true or false"],
        ),
        (
            json!({"name": "has_profile", "operator": "isNull", "value": []}),
            vec!["0/operator: must be is or isNot for has_profile"],
        ),
        (
            json!({"name": "session.duration", "operator": "contains", "value": ["1"]}),
            vec!["0/operator: must be is, isNot, gt, lt, gte or lte for session.duration"],
        ),
        (
            json!({"name": "cohort:1", "operator": "is", "value": []}),
            vec!["0/name: Cohorts are not supported"],
        ),
        (
            json!({"name": "x", "operator": "inCohort"}),
            vec!["0/operator: Cohorts are not supported"],
        ),
        (
            json!({"name": "plan", "operator": "is", "value": [""], "type": "money"}),
            vec![
                "0/name: must be a known name, such as country or properties.plan; \
                 \"plan\" is not known",
                "0/type: must be one of string, number, date, datetime, boolean",
            ],
        ),
    ] {
        assert_eq!(problems(item.clone()), expected, "{item}");
    }
    let unknown = problems(json!({"name": "country", "operator": "like", "value": ["x"]}));
    assert!(unknown[0].starts_with("0/operator: must be one of is, isNot, contains"));
    assert!(Filter::read_all(&json!({})).is_err());
    assert!(Filter::read_all(&Value::from(vec![json!({}); 101])).is_err());
    assert_eq!(Filter::read_all(&json!([])).unwrap(), []);
}

#[test]
fn keys_that_mean_nothing_are_ignored() {
    let item = json!({
        "id": "x", "name": "country", "operator": "isNull", "value": [],
        "type": null, "cohortId": "y", "color": "red",
    });
    assert!(Filter::read(&item).unwrap().matches(&[""]));
}

fn value_texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab1-9.%_]{0,3}", 1..4)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "country",
            "is",
            "regex",
            "gt",
            "number",
            "properties.x"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 40, 6, |inner| {
        let keys = prop::sample::select(vec!["name", "operator", "value", "type"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn of_a_text_one_thing_or_its_opposite_holds(
        text in "[ab1-9.%_]{0,4}",
        values in value_texts(),
    ) {
        let holds = |operator: &str| filter("city", operator, json!(values)).matches(&[&text]);
        prop_assert!(holds("is") != holds("isNot"));
        prop_assert!(holds("contains") != holds("doesNotContain"));
        prop_assert!(holds("isNull") != holds("isNotNull"));
        prop_assert!(!holds("is") || holds("startsWith") && holds("endsWith"));
        prop_assert!(!(holds("startsWith") || holds("endsWith")) || holds("contains"));
    }

    #[test]
    fn of_two_numbers_one_is_greater_or_they_are_equal(
        given in -5_i32..5,
        value in -5_i32..5,
        is_half in any::<bool>(),
    ) {
        let text = format!("{given}{}", if is_half { ".50" } else { "" });
        let holds = |operator: &str| {
            typed("properties.x", operator, json!([value]), "number").matches(&[&text])
        };
        let outcomes = [holds("lt"), holds("is"), holds("gt")];
        prop_assert_eq!(outcomes.iter().filter(|holds| **holds).count(), 1);
        prop_assert_eq!(holds("lte"), holds("lt") || holds("is"));
        prop_assert_eq!(holds("gte"), holds("gt") || holds("is"));
        prop_assert_eq!(holds("isNot"), !holds("is"));
    }

    #[test]
    fn more_values_widen_is_and_narrow_is_not(
        text in "[ab]{0,2}",
        values in value_texts(),
        more in value_texts(),
    ) {
        let all: Vec<_> = values.iter().chain(&more).collect();
        let few = |operator: &str| filter("city", operator, json!(values)).matches(&[&text]);
        let many = |operator: &str| filter("city", operator, json!(all)).matches(&[&text]);
        for widened in ["is", "contains", "startsWith", "endsWith", "gt", "lte"] {
            prop_assert!(!few(widened) || many(widened));
        }
        for narrowed in ["isNot", "doesNotContain"] {
            prop_assert!(!many(narrowed) || few(narrowed));
        }
    }

    #[test]
    fn a_number_is_what_the_pattern_says(text in "[-+]?[0-9]{0,4}[.]?[0-9]{0,2}([eE][-+]?[0-9]{0,2})?|.{0,5}") {
        let pattern = regex::Regex::new(NUMBER_PATTERN).unwrap();
        prop_assert_eq!(operand::number(&text).is_some(), pattern.is_match(&text), "{:?}", text);
    }

    #[test]
    fn a_moment_looks_as_the_pattern_says(
        text in "[0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{0,4})?)?)?([Zz]|[+-][0-9:]{0,5})?|.{0,5}",
    ) {
        let pattern = regex::Regex::new(MOMENT_PATTERN).unwrap();
        if operand::moment(&text).is_some() {
            prop_assert!(pattern.is_match(&text), "{}", text);
        }
    }

    #[test]
    fn whatever_is_sent_is_a_filter_or_a_list_of_problems(list in any_json()) {
        match Filter::read_all(&list) {
            Ok(filters) => {
                for filter in filters {
                    let _ = filter.matches(&["x", "", "12"]);
                }
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}

#[test]
fn patterns_that_only_one_engine_knows_are_refused() {
    for pattern in [
        "(?<n>a)",
        "(?P<n>a)",
        "(?x)a",
        "(?-u)a",
        "(?R)a",
        r"\B",
        r"\b{start}",
        r"\u0041",
        r"\p{Letter}",
        "[a&&b]",
        "[a[b]]",
        "a**",
        "a{1001}",
        "(a{100}){100}",
    ] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
    for (pattern, text, is_found) in [
        (r"^\d$", "1", true),
        (r"^\d$", "１", false),
        (r"^[\w.]+$", "a.b", true),
        (r"^\w$", "ü", false),
        (r"\bb\b", "üb", true),
        (r"(?i)^Ü$", "ü", true),
        (r"/^\p{Greek}\x{1F986}$/", "λ🦆", true),
        (r"a{2,3}?(?:b|[^\s])", "aab", true),
    ] {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.is_found_in(text), is_found, "{}", pattern.as_str());
    }
}
