use proptest::prelude::*;

use super::*;

fn result(text: &str) -> f64 {
    let formula = Formula::parse(text, 3).unwrap_or_else(|why| panic!("{text}: {why}"));
    formula.evaluate(|place| [7.0, 2.0, 0.0][place])
}

#[test]
fn formulas_mean_what_they_say() {
    for (text, expected) in [
        ("A", 7.0),
        ("A/B*100", 350.0),
        (" A + B * 3 ", 13.0),
        ("(A + B) * 3", 27.0),
        ("A - B - 1", 4.0),
        ("A % B", 1.0),
        ("-A % B", -1.0),
        ("-B ^ 2", -4.0),
        ("B ^ -1", 0.5),
        ("B ^ 3 ^ 2", 512.0),
        ("--A", 7.0),
        ("+A", 7.0),
        ("A * .5e1", 35.0),
        ("A * 1.", 7.0),
        ("min(A, B, 1)", 1.0),
        ("max(A, B, 1)", 7.0),
        ("max(A)", 7.0),
        ("round(A / B)", 4.0),
        ("floor(A / B) + ceil(A / B) + abs(-B)", 9.0),
        ("sqrt(A + B) + log10(B * 50) + exp(C) + log(exp(B))", 8.0),
    ] {
        assert_eq!(result(text), expected, "{text}");
    }
}

#[test]
fn what_has_no_result_is_0() {
    for text in [
        "A / C",
        "sqrt(-A)",
        "log(C)",
        "exp(A ^ A)",
        "max(A / C - A / C, 1)",
        "min(1, C / C)",
    ] {
        assert_eq!(result(text), 0.0, "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        " ",
        "1",
        "D",
        "AB",
        "a",
        "A B",
        "A +",
        "* A",
        "(A",
        "A)",
        "()",
        "A = B",
        "A; B",
        "sqrt A",
        "sqrt()",
        "sqrt(A, B)",
        "min()",
        "min(A,)",
        "sin(A)",
        "A!",
        "A && B",
        "pi * A",
        "1..2 * A",
        "A * 1e999",
        "1e * A",
        "A ** B",
        "Ä",
        "A\u{0}",
        "A[0]",
        "\"A\"",
        "A, B",
    ] {
        assert!(Formula::parse(text, 3).is_err(), "{text}");
    }
}

#[test]
fn bombs_are_refused() {
    let long = format!("A{}", " ".repeat(1_000));
    let deep = [
        format!("{}A{}", "(".repeat(400), ")".repeat(400)),
        format!("{}A", "-".repeat(900)),
        vec!["A"; 400].join("^"),
        format!("{}A{}", "abs(".repeat(200), ")".repeat(200)),
        long,
    ];
    for text in deep {
        assert!(Formula::parse(&text, 1).is_err(), "{text}");
    }
    // Long alone is fine.
    assert_eq!(result(&vec!["A"; 500].join("+")), 3_500.0);
}

#[test]
fn it_knows_its_items() {
    let formula = Formula::parse("C * max(A, C)", 3).unwrap();
    assert_eq!(formula.items(), [0, 2]);
}

/// A formula, and its result where A is 7 and B is 2.
fn formulas() -> impl Strategy<Value = (String, f64)> {
    let leaf = prop_oneof![
        Just(("A".to_owned(), 7.0)),
        Just(("B".to_owned(), 2.0)),
        (0_u32..1_000).prop_map(|number| (number.to_string(), f64::from(number))),
    ];
    leaf.prop_recursive(5, 40, 2, |inner| {
        let two = (
            inner.clone(),
            prop::sample::select(&['+', '-', '*', '/', '%'][..]),
            inner.clone(),
        );
        prop_oneof![
            two.prop_map(|((left, a), operator, (right, b))| {
                let value = match operator {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    _ => a % b,
                };
                (format!("({left} {operator} {right})"), value)
            }),
            inner
                .clone()
                .prop_map(|(text, value)| (format!("-{text}"), -value)),
            inner.prop_map(|(text, value)| (format!("abs({text})"), value.abs())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[A-Ca-z0-9_ .,+*/()%^-]{0,60}") {
        if let Ok(formula) = Formula::parse(&text, 3) {
            prop_assert!(formula.evaluate(|_| 3.0).is_finite());
        }
    }

    #[test]
    fn arithmetic_is_as_elsewhere((text, expected) in formulas()) {
        let text = format!("{text} + A");
        let expected = expected + 7.0;
        let formula = Formula::parse(&text, 2).unwrap();
        let found = formula.evaluate(|place| [7.0, 2.0][place]);
        let expected = if expected.is_finite() { expected } else { 0.0 };
        prop_assert_eq!(found, expected, "{}", text);
    }
}

/// The longest chart of a formula like this may not take much longer than that of any other one.
#[test]
fn steps_count_as_much_as_they_cost_at_worst() {
    let cost = |text: &str| Formula::parse(text, 3).unwrap().cost();
    assert_eq!(cost("A + B - 1"), 5);
    assert_eq!(cost("min(abs(A), -B)"), 5);
    assert_eq!(cost("A / B * 100"), 3 + 2 * PRODUCT);
    assert_eq!(
        cost("exp(A) + log(A) + log10(A) + sqrt(A)"),
        7 + 4 * FUNCTION
    );
    assert_eq!(cost("A % B ^ C"), 3 + 2 * POWER);
    // Far apart, and nearly 0.
    assert!(result("9e307 % 1e-307 + A") >= 7.0);
    assert_eq!(result("A * 1e-310 * 0"), 0.0);
}
