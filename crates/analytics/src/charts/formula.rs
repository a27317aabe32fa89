//! Arithmetic over the items of a chart: `docs/contract/export.md` §8.
//!
//! No crate knows exactly this language: those that do arithmetic have operators, constants and
//! functions of their own, and no bounds. It is small enough to be read here, by precedence
//! climbing, into a list of steps that a stack machine takes.

use paneld_domain::InvalidValue;

/// What a formula may be long, in bytes.
const LONGEST: usize = 1_000;
/// So deep may brackets, signs and powers be nested.
const DEEPEST: usize = 50;

/// A formula such as `A / B * 100`.
///
/// - Capital letters stand for items of the chart, numbers for themselves.
/// - `^` binds strongest and to the right, then signs, then `*`, `/` and `%`, then `+` and `-`.
///   The result of `%` has the sign of the left side.
/// - `abs`, `ceil`, `floor`, `round`, `sqrt`, `log` (natural), `log10` and `exp` take one value,
///   `min` and `max` one or more.
#[derive(Debug, Clone)]
pub struct Formula {
    text: String,
    steps: Vec<Step>,
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What the stack machine does.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Puts a number on the stack.
    Number(f64),
    /// Puts the value of an item on it.
    Item(u8),
    /// Replaces the topmost value.
    One(fn(f64) -> f64),
    /// Replaces the two topmost.
    Two(fn(f64, f64) -> f64),
}

impl Formula {
    /// Reads a formula that stands behind so many items.
    ///
    /// # Errors
    /// When it is none, names an item that does not stand before it, or names none at all.
    pub fn parse(text: &str, items_before: usize) -> Result<Self, InvalidValue> {
        if text.len() > LONGEST {
            return Err(InvalidValue::new(format!(
                "must be at most {LONGEST} characters"
            )));
        }
        let mut parser = Parser {
            rest: text,
            steps: Vec::new(),
            items_before,
            depth: 0,
        };
        parser.sum()?;
        if let Some(symbol) = parser.peek() {
            return Err(unexpected(symbol));
        }
        let steps = parser.steps;
        if !steps.iter().any(|step| matches!(step, Step::Item(_))) {
            return Err(InvalidValue::new(
                "must name an item that stands before it, such as A",
            ));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            steps,
        })
    }

    /// The formula as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The places of the items that it names, each once and in order.
    pub fn items(&self) -> Vec<usize> {
        let places = self.steps.iter().filter_map(|step| match step {
            Step::Item(place) => Some(usize::from(*place)),
            Step::Number(_) | Step::One(_) | Step::Two(_) => None,
        });
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// How many steps it takes to evaluate it once.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Its result, where items have these values; 0 where it has none, as after a division by 0.
    pub fn evaluate(&self, value_of: impl Fn(usize) -> f64) -> f64 {
        self.evaluate_on(&mut Vec::new(), value_of)
    }

    /// The same on a stack that is used again and again.
    pub(super) fn evaluate_on(&self, stack: &mut Vec<f64>, value_of: impl Fn(usize) -> f64) -> f64 {
        stack.clear();
        for step in &self.steps {
            let value = match step {
                Step::Number(number) => Some(*number),
                Step::Item(place) => Some(value_of(usize::from(*place))),
                Step::One(function) => stack.pop().map(function),
                Step::Two(function) => {
                    let right = stack.pop();
                    stack
                        .pop()
                        .zip(right)
                        .map(|(left, right)| function(left, right))
                }
            };
            stack.extend(value);
        }
        stack
            .pop()
            .filter(|result| result.is_finite())
            .unwrap_or(0.0)
    }
}

/// A symbol, and what is done with the values at its sides.
type Operator = (char, fn(f64, f64) -> f64);

struct Parser<'a> {
    rest: &'a str,
    steps: Vec<Step>,
    items_before: usize,
    depth: usize,
}

type Parsed<T> = Result<T, InvalidValue>;

fn wrong<T>(message: impl Into<String>) -> Parsed<T> {
    Err(InvalidValue::new(message.into()))
}

fn unexpected(symbol: char) -> InvalidValue {
    InvalidValue::new(format!(
        "must be a formula such as A / B * 100; {symbol:?} is not expected"
    ))
}

impl Parser<'_> {
    /// The next symbol that is not blank.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, symbol: char) -> bool {
        let is_next = self.peek() == Some(symbol);
        if is_next {
            self.rest = &self.rest[symbol.len_utf8()..];
        }
        is_next
    }

    /// One of two operators, if it is next.
    fn take_operator(&mut self, operators: &[Operator]) -> Option<Step> {
        let found = operators.iter().find(|(symbol, _)| self.take(*symbol));
        found.map(|(_, function)| Step::Two(*function))
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return wrong(format!("must not be nested deeper than {DEEPEST} levels"));
        }
        read(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn sum(&mut self) -> Parsed<()> {
        self.product()?;
        while let Some(step) = self.take_operator(&[('+', |a, b| a + b), ('-', |a, b| a - b)]) {
            self.product()?;
            self.steps.push(step);
        }
        Ok(())
    }

    fn product(&mut self) -> Parsed<()> {
        self.signed()?;
        while let Some(step) = self.take_operator(&[
            ('*', |a, b| a * b),
            ('/', |a, b| a / b),
            ('%', |a, b| a % b),
        ]) {
            self.signed()?;
            self.steps.push(step);
        }
        Ok(())
    }

    fn signed(&mut self) -> Parsed<()> {
        if self.take('-') {
            self.nested(Self::signed)?;
            self.steps.push(Step::One(|value| -value));
            return Ok(());
        }
        if self.take('+') {
            return self.nested(Self::signed);
        }
        self.power()
    }

    fn power(&mut self) -> Parsed<()> {
        self.operand()?;
        if self.take('^') {
            // To the right, and a sign may stand there.
            self.nested(Self::signed)?;
            self.steps.push(Step::Two(f64::powf));
        }
        Ok(())
    }

    fn operand(&mut self) -> Parsed<()> {
        match self.peek() {
            Some('(') => {
                self.take('(');
                self.nested(Self::sum)?;
                self.close()
            }
            Some(symbol) if symbol.is_ascii_digit() || symbol == '.' => self.number(),
            Some(symbol) if symbol.is_ascii_alphabetic() || symbol == '_' => self.word(),
            Some(symbol) => Err(unexpected(symbol)),
            None => wrong("must be a formula such as A / B * 100; something is missing at its end"),
        }
    }

    fn close(&mut self) -> Parsed<()> {
        if self.take(')') {
            return Ok(());
        }
        match self.peek() {
            Some(symbol) => Err(unexpected(symbol)),
            None => wrong("must be a formula such as A / B * 100; a closing bracket is missing"),
        }
    }

    fn number(&mut self) -> Parsed<()> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = digits(self.rest);
        if self.rest[length..].starts_with('.') {
            length += 1;
            length += digits(&self.rest[length..]);
        }
        if self.rest[length..].starts_with(['e', 'E']) {
            let sign = usize::from(self.rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(&self.rest[length + 1 + sign..]);
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        let (number, rest) = self.rest.split_at(length);
        let value = number.parse().unwrap_or(f64::NAN);
        if !value.is_finite() {
            return wrong(format!(
                "must be made of finite numbers; {number:?} is none"
            ));
        }
        self.rest = rest;
        self.steps.push(Step::Number(value));
        Ok(())
    }

    fn word(&mut self) -> Parsed<()> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = self.rest.bytes().take_while(is_part).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        if let [letter @ b'A'..=b'Z'] = word.as_bytes() {
            return self.item(letter - b'A');
        }
        let function = match word {
            "abs" => Step::One(f64::abs),
            "ceil" => Step::One(f64::ceil),
            "floor" => Step::One(f64::floor),
            "round" => Step::One(f64::round),
            "sqrt" => Step::One(f64::sqrt),
            "log" => Step::One(f64::ln),
            "log10" => Step::One(f64::log10),
            "exp" => Step::One(f64::exp),
            "min" => Step::Two(|a, b| if a.is_nan() || b > a { a } else { b }),
            "max" => Step::Two(|a, b| if a.is_nan() || b < a { a } else { b }),
            _ => {
                let start: String = word.chars().take(64).collect();
                return wrong(format!(
                    "must be made of items such as A, numbers and functions; {start:?} is unknown"
                ));
            }
        };
        self.call(function)
    }

    fn item(&mut self, place: u8) -> Parsed<()> {
        if usize::from(place) >= self.items_before {
            let letter = char::from(b'A' + place);
            return wrong(format!(
                "must be made of items that stand before it; {letter} does not"
            ));
        }
        self.steps.push(Step::Item(place));
        Ok(())
    }

    fn call(&mut self, function: Step) -> Parsed<()> {
        if !self.take('(') {
            return wrong("must have brackets behind the name of a function");
        }
        self.nested(Self::sum)?;
        match function {
            Step::Two(_) => {
                while self.take(',') {
                    self.nested(Self::sum)?;
                    self.steps.push(function);
                }
            }
            one => self.steps.push(one),
        }
        self.close()
    }
}

#[cfg(test)]
mod tests;
