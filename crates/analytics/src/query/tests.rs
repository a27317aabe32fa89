use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{buckets::Interval, range::Range};

/// What was found wrong: `limit: must be …`.
fn problems(query: Query) -> Vec<String> {
    let problems = query.finish().err().unwrap_or_default();
    let printed = problems.into_iter().map(|problem| {
        let steps = problem.path.iter().map(ToString::to_string);
        let path: Vec<_> = steps.collect();
        format!("{}: {}", path.join("/"), problem.message)
    });
    printed.collect()
}

#[test]
fn a_text_is_a_text_whatever_it_looks_like() {
    for (given, expected) in [
        ("id=123", "123"),
        ("id=%22123%22", "123"),
        ("id=true", "true"),
        ("id=", ""),
        ("id", ""),
        ("id=a+b%20c", "a b c"),
        ("id=%22open", "\"open"),
        ("id=[x]", "[x]"),
        ("id=%C3%A4&other=1", "ä"),
    ] {
        let mut query = Query::parse(given);
        assert_eq!(query.text("id").as_deref(), Some(expected), "{given}");
        assert_eq!(query.text("missing"), None);
        assert_eq!(query.finish(), Ok(()));
    }
}

#[test]
fn what_is_wrong_is_collected_by_name() {
    let mut query = Query::parse(
        "id=1&id=2&limit=0&page=1.5&deep[a][b]=x&flag=1&size=nan&range=90d&nul=%00&big=101",
    );
    assert_eq!(query.text("id"), None);
    assert_eq!(query.integer("limit", 1..=100), None);
    assert_eq!(query.integer("page", 1..=100), None);
    assert_eq!(query.text("deep"), None);
    assert_eq!(query.boolean("flag"), None);
    assert_eq!(query.number("size"), None);
    assert_eq!(query.parsed::<Interval>("range"), None);
    assert_eq!(query.text("nul"), None);
    assert_eq!(query.integer("big", 1..=100), None);
    assert_eq!(query.required("startEvent", Query::text), None);
    assert_eq!(
        problems(query),
        [
            "id: must be given once",
            "limit: must be at least 1",
            "page: must be a whole number",
            "deep: must be a single value",
            "flag: must be true or false",
            "size: must be a number",
            "range: must be one of minute, hour, day, week, month",
            "nul: must not contain NUL characters",
            "big: must be at most 100",
            "startEvent: is required",
        ]
    );
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let mut query = Query::parse("a=7&b=007&c=5.00&d=-3&e=%225%22&f=99999999999999999999&g=-1e3");
    assert_eq!(query.integer("a", 1..=100), Some(7));
    assert_eq!(query.integer("b", 1..=100), Some(7));
    assert_eq!(query.integer("c", 1..=100), Some(5));
    assert_eq!(query.clamped_integer("d", 1..=100), Some(1));
    assert_eq!(query.integer("e", 1..=100), Some(5));
    assert_eq!(query.clamped_integer("f", 1..=100), Some(100));
    assert_eq!(query.number("g"), Some(-1000.0));
    assert_eq!(query.finish(), Ok(()));
}

#[test]
fn lists_are_written_in_many_ways() {
    for given in [
        "steps=a&steps=b",
        "steps[]=a&steps[]=b",
        "steps[1]=b&steps[0]=a",
        "steps[7]=a&steps[10]=b",
        "steps=[%22a%22,%22b%22]",
        "steps=%22a%22&steps=b",
    ] {
        let mut query = Query::parse(given);
        let steps = query.text_list("steps");
        assert_eq!(steps, Some(vec!["a".into(), "b".into()]), "{given}");
        assert_eq!(query.finish(), Ok(()));
    }
    let mut query = Query::parse("one=a&number=[404]&open=[x&none=[]&commas=a,%20b,,c&bad=[[1]]");
    assert_eq!(query.text_list("one"), Some(vec!["a".into()]));
    assert_eq!(query.text_list("number"), Some(vec!["404".into()]));
    assert_eq!(query.text_list("open"), Some(vec!["[x".into()]));
    assert_eq!(query.text_list("none"), Some(vec![]));
    assert_eq!(query.text_list("missing"), None);
    let parts = query.comma_list("commas");
    assert_eq!(parts, Some(vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(query.text_list("bad"), None);
    assert_eq!(problems(query), ["bad/0: must be a text"]);
}

#[test]
fn json_is_written_in_three_ways() {
    let expected = json!([{"name": "path", "value": ["/a", "/b"]}, {"name": "os"}]);
    for given in [
        r#"f=[{"name":"path","value":["/a","/b"]},{"name":"os"}]"#,
        r#"f={"name":"path","value":["/a","/b"]}&f={"name":"os"}"#,
        "f[0][name]=path&f[0][value][]=/a&f[0][value][]=/b&f[1][name]=os",
        "f[0][name]=path&f[0][value]=/a&f[0][value]=/b&f[1][name]=os",
        r#"f[0][name]=path&f[0][value]=["/a","/b"]&f[1][name]=os"#,
    ] {
        let mut query = Query::parse(given);
        assert_eq!(query.json("f"), Some(expected.clone()), "{given}");
    }
    let mut query = Query::parse("empty=&broken=[&two={}&two=x&both=[]&both[0]=a");
    for name in ["empty", "broken", "two", "both"] {
        assert_eq!(query.json(name), None);
    }
    assert_eq!(
        problems(query),
        [
            "empty: must be JSON",
            "broken: must be JSON",
            "two/1: must be JSON",
            "both: must not be written in two ways at once",
        ]
    );
}

#[test]
fn texts_by_name_are_an_object() {
    for given in [r#"p={"plan":"pro","seats":3}"#, "p[plan]=pro&p[seats]=3"] {
        let mut query = Query::parse(given);
        let expected = [("plan", "pro"), ("seats", "3")];
        let expected = expected.map(|(key, text)| (key.to_owned(), text.to_owned()));
        assert_eq!(query.text_map("p"), Some(expected.into()), "{given}");
    }
    let mut query = Query::parse(r#"p={"plan":{}}&q=[]"#);
    assert_eq!((query.text_map("p"), query.text_map("q")), (None, None));
    assert_eq!(
        problems(query),
        ["p/plan: must be a text", "q: must be an object"]
    );
}

#[test]
fn filters_tell_where_they_are_wrong() {
    let mut query = Query::parse(
        "filters[0][name]=country&filters[0][operator]=is&filters[0][value][]=SE\
         &filters[1][name]=nothing&filters[1][operator]=is&filters[1][value][]=",
    );
    assert_eq!(query.filters("filters"), []);
    let found = problems(query);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("filters/1/name: must be a known name"));

    let mut query = Query::parse(r#"filters={"name":"country"}"#);
    query.filters("filters");
    assert_eq!(problems(query), ["filters: must be a list"]);
}

#[test]
fn a_window_is_read_under_the_names_of_its_endpoint() {
    let now = paneld_domain::parse_timestamp("2026-08-12T10:00:00Z").unwrap();
    let read = |text: &str, names| {
        let mut query = Query::parse(text);
        let default = DefaultWindow::SEVEN_DAYS;
        let found = query.window(names, Zone::UTC, now, default);
        (found, problems(query))
    };
    let (found, _) = read("startDate=2026-08-01&range=today", WindowNames::DATES);
    let (request, window) = found.unwrap();
    assert_eq!(request.range, Some(Range::Today));
    assert_eq!(window.start.to_string(), "2026-08-01 00:00:00 UTC");
    let (found, _) = read("start=2026-08-02&startDate=2026-08-01", WindowNames::EXPORT);
    assert_eq!(
        found.unwrap().1.start.to_string(),
        "2026-08-02 00:00:00 UTC"
    );

    let (_, problems) = read("startDate=x&range=y", WindowNames::DATES);
    assert_eq!(problems.len(), 2);
    let (_, problems) = read("startDate=2026-08-02&end=2026-08-01", WindowNames::EXPORT);
    assert_eq!(problems, ["end: must not be before the start"]);
}

#[test]
fn what_is_too_much_is_refused() {
    let many = "a=1&".repeat(Query::MOST);
    assert_eq!(Query::parse(&many).finish(), Ok(()));
    let more = format!("{many}a=1");
    assert_eq!(
        problems(Query::parse(&more)),
        [": must be at most 1000 parameters"]
    );
    let mut query = Query::parse("a[1][2][3][4][5]=x&b[1][2][3][4][5][6]=x&c[=1&[d]=1");
    assert!(query.json("a").is_some());
    assert_eq!(query.json("b"), None);
    // Brackets that make no sense are part of the name.
    assert!(query.has("c[") && query.has("[d]"));
    assert_eq!(problems(query), ["b: must not be nested so deep"]);
}

proptest! {
    #[test]
    fn no_query_makes_the_reader_panic(text in "[a-c=&\\[\\]%0-9\",{}: -]{0,60}|.{0,40}") {
        let mut query = Query::parse(&text);
        let now = Timestamp::UNIX_EPOCH;
        for name in ["a", "b", "c", "ab", ""] {
            query.text(name);
            query.integer(name, 1..=10);
            query.clamped_integer(name, 1..=10);
            query.number(name);
            query.boolean(name);
            query.text_list(name);
            query.comma_list(name);
            query.text_map(name);
            query.json(name);
            query.filters(name);
            query.parsed::<DateText>(name);
        }
        query.window(WindowNames::EXPORT, Zone::UTC, now, DefaultWindow::SEVEN_DAYS);
        query.finish().ok();
    }

    #[test]
    fn any_text_comes_through(name in "[a-z]{1,5}", text in "[^\"\\x00].{0,20}|") {
        prop_assume!(!text.contains('\0'));
        let mut serializer = form_urlencoded::Serializer::new(String::new());
        serializer.append_pair(&name, &text);
        let mut query = Query::parse(&serializer.finish());
        prop_assert_eq!(query.text(&name), Some(text));
    }

    #[test]
    fn a_json_text_comes_through_quotes(text in "\\PC{0,20}") {
        let quoted = serde_json::to_string(&text).unwrap();
        let mut serializer = form_urlencoded::Serializer::new(String::new());
        serializer.append_pair("id", &quoted);
        let mut query = Query::parse(&serializer.finish());
        prop_assert_eq!(query.text("id"), Some(text));
    }
}
