//! Arithmetic over the items of a chart: `docs/contract/export.md` §8.
//!
//! No crate knows exactly this language: those that do arithmetic have operators, constants and
//! functions of their own, and no bounds. It is small enough to be read here, by precedence
//! climbing, into a list of instructions that a stack machine takes.

use paneld_domain::InvalidValue;

/// What a formula may be long, in bytes.
const LONGEST: usize = 1_000;
/// So deep may brackets, signs and powers be nested.
const DEEPEST: usize = 50;

/// How many simple steps it takes at most to multiply or divide: numbers that are nearly 0 take
/// a processor a hundred times as long as others.
const PRODUCT: usize = 12;
/// The same of functions such as `exp`, which make and take numbers like these.
const FUNCTION: usize = 24;
/// The same of powers, and of what is left of a division: the further apart its two numbers are,
/// the longer it takes.
const POWER: usize = 64;

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
    instructions: Vec<Instruction>,
    cost: usize,
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// An instruction of the stack machine.
#[derive(Debug, Clone, Copy)]
enum Instruction {
    /// Puts a number on the stack.
    Number(f64),
    /// Puts the value of an item on it.
    Item(u8),
    /// Replaces the topmost value.
    Unary(fn(f64) -> f64),
    /// Replaces the two topmost.
    Binary(fn(f64, f64) -> f64),
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
            instructions: Vec::new(),
            cost: 0,
            items_before,
            depth: 0,
        };
        parser.sum()?;
        if let Some(symbol) = parser.peek() {
            return Err(unexpected(symbol));
        }
        let Parser {
            instructions, cost, ..
        } = parser;
        if !instructions
            .iter()
            .any(|instruction| matches!(instruction, Instruction::Item(_)))
        {
            return Err(InvalidValue::new(
                "must name an item that stands before it, such as A",
            ));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            instructions,
            cost,
        })
    }

    /// The formula as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The places of the items that it names, each once and in order.
    pub fn items(&self) -> Vec<usize> {
        let places = self
            .instructions
            .iter()
            .filter_map(|instruction| match instruction {
                Instruction::Item(place) => Some(usize::from(*place)),
                Instruction::Number(_) | Instruction::Unary(_) | Instruction::Binary(_) => None,
            });
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// How many simple steps, such as an addition, take as long as evaluating it once at worst.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Its result, where items have these values; 0 where it has none, as after a division by 0.
    pub fn evaluate(&self, value_of: impl Fn(usize) -> f64) -> f64 {
        self.evaluate_on(&mut Vec::new(), value_of)
    }

    /// The same on a stack that is used again and again.
    pub(super) fn evaluate_on(&self, stack: &mut Vec<f64>, value_of: impl Fn(usize) -> f64) -> f64 {
        stack.clear();
        for instruction in &self.instructions {
            let value = match instruction {
                Instruction::Number(number) => Some(*number),
                Instruction::Item(place) => Some(value_of(usize::from(*place))),
                Instruction::Unary(function) => stack.pop().map(function),
                Instruction::Binary(function) => {
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

/// A symbol, what is done with the values at its sides, and what that costs.
type Operator = (char, fn(f64, f64) -> f64, usize);

struct Parser<'a> {
    rest: &'a str,
    instructions: Vec<Instruction>,
    cost: usize,
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

    /// One of these operators, if it is next.
    fn take_operator(&mut self, operators: &[Operator]) -> Option<(Instruction, usize)> {
        let found = operators.iter().find(|(symbol, ..)| self.take(*symbol));
        found.map(|(_, function, cost)| (Instruction::Binary(*function), *cost))
    }

    fn push(&mut self, instruction: Instruction, cost: usize) {
        self.instructions.push(instruction);
        self.cost += cost;
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
        while let Some((instruction, cost)) =
            self.take_operator(&[('+', |a, b| a + b, 1), ('-', |a, b| a - b, 1)])
        {
            self.product()?;
            self.push(instruction, cost);
        }
        Ok(())
    }

    fn product(&mut self) -> Parsed<()> {
        self.signed()?;
        while let Some((instruction, cost)) = self.take_operator(&[
            ('*', |a, b| a * b, PRODUCT),
            ('/', |a, b| a / b, PRODUCT),
            ('%', |a, b| a % b, POWER),
        ]) {
            self.signed()?;
            self.push(instruction, cost);
        }
        Ok(())
    }

    fn signed(&mut self) -> Parsed<()> {
        if self.take('-') {
            self.nested(Self::signed)?;
            self.push(Instruction::Unary(|value| -value), 1);
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
            self.push(Instruction::Binary(f64::powf), POWER);
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
        self.push(Instruction::Number(value), 1);
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
        let (function, cost) = match word {
            "abs" => (Instruction::Unary(f64::abs), 1),
            "ceil" => (Instruction::Unary(f64::ceil), 1),
            "floor" => (Instruction::Unary(f64::floor), 1),
            "round" => (Instruction::Unary(f64::round), 1),
            "sqrt" => (Instruction::Unary(f64::sqrt), FUNCTION),
            "log" => (Instruction::Unary(f64::ln), FUNCTION),
            "log10" => (Instruction::Unary(f64::log10), FUNCTION),
            "exp" => (Instruction::Unary(f64::exp), FUNCTION),
            "min" => (
                Instruction::Binary(|a, b| if a.is_nan() || b > a { a } else { b }),
                1,
            ),
            "max" => (
                Instruction::Binary(|a, b| if a.is_nan() || b < a { a } else { b }),
                1,
            ),
            _ => {
                let start: String = word.chars().take(64).collect();
                return wrong(format!(
                    "must be made of items such as A, numbers and functions; {start:?} is unknown"
                ));
            }
        };
        self.call(function, cost)
    }

    fn item(&mut self, place: u8) -> Parsed<()> {
        if usize::from(place) >= self.items_before {
            let letter = char::from(b'A' + place);
            return wrong(format!(
                "must be made of items that stand before it; {letter} does not"
            ));
        }
        self.push(Instruction::Item(place), 1);
        Ok(())
    }

    fn call(&mut self, function: Instruction, cost: usize) -> Parsed<()> {
        if !self.take('(') {
            return wrong("must have brackets behind the name of a function");
        }
        self.nested(Self::sum)?;
        match function {
            Instruction::Binary(_) => {
                while self.take(',') {
                    self.nested(Self::sum)?;
                    self.push(function, cost);
                }
            }
            one => self.push(one, cost),
        }
        self.close()
    }
}

#[cfg(test)]
mod tests;
