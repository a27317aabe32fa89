//! Regular expressions as both Rust and RE2 understand them.
//!
//! The event store searches with RE2; the model of filters searches here. What only one of the
//! two understands is refused, and what they understand differently is read as RE2 does: `\d`,
//! `\s`, `\w` and `\b` are about ASCII.

use paneld_domain::InvalidValue;
use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, Ast, Span, Visitor};

/// Longer patterns are refused.
const LONGEST: usize = 1_000;

/// A compiled pattern may be so large, in bytes; and what is found out while it is searched for.
const LARGEST: usize = 1 << 20;

/// Something may be repeated so often, repetitions of repetitions included. RE2 has the same
/// limit.
const MOST_REPEATED: u32 = 1_000;

/// A regular expression. It is searched for anywhere in a text.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern. Slashes around it are no part of it.
    ///
    /// # Errors
    /// When it is no regular expression, one that is not known everywhere, or one that is too
    /// large.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let inner = text
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'))
            .unwrap_or(text);
        if inner.len() > LONGEST {
            return Err(InvalidValue::new(format!(
                "must be at most {LONGEST} bytes"
            )));
        }
        let no_pattern = || InvalidValue::new("must be a regular expression");
        let ast = ast::parse::Parser::new().parse(inner);
        let ast = ast.map_err(|_explained_over_many_lines| no_pattern())?;
        let rewritten = rewrite(inner, &ast)?;
        let built = RegexBuilder::new(&rewritten)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .build();
        match built {
            Ok(regex) => Ok(Self {
                text: inner.to_owned(),
                regex,
            }),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(InvalidValue::new("must be a smaller regular expression"))
            }
            Err(_explained_over_many_lines) => Err(no_pattern()),
        }
    }

    /// The pattern, without slashes around it, as RE2 takes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_found_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The pattern for Rust that means what it means for RE2.
fn rewrite(text: &str, ast: &Ast) -> Result<String, InvalidValue> {
    let walk = Walk {
        repeated: vec![1],
        ..Walk::default()
    };
    let replaced = ast::visit(ast, walk)?;
    let mut rewritten = String::with_capacity(text.len());
    let mut end = 0;
    for (span, replacement) in replaced {
        rewritten += text.get(end..span.start.offset).unwrap_or_default();
        rewritten += replacement;
        end = span.end.offset;
    }
    rewritten += text.get(end..).unwrap_or_default();
    Ok(rewritten)
}

fn refuse<T>(what: &str) -> Result<T, InvalidValue> {
    Err(InvalidValue::new(format!(
        "must be a regular expression without {what}"
    )))
}

/// Looks at every part of a pattern.
#[derive(Default)]
struct Walk {
    /// What is to be replaced, in the order of the text.
    replaced: Vec<(Span, &'static str)>,
    /// How often the repetitions around are repeated.
    repeated: Vec<u32>,
}

impl Visitor for Walk {
    type Output = Vec<(Span, &'static str)>;
    type Err = InvalidValue;

    fn finish(self) -> Result<Self::Output, Self::Err> {
        Ok(self.replaced)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        match ast {
            Ast::Flags(flags) => check_flags(&flags.flags),
            Ast::Group(group) => check_group(group),
            Ast::Literal(literal) => check_literal(literal),
            Ast::Assertion(assertion) => self.check_assertion(assertion),
            Ast::ClassPerl(class) => {
                self.replace_class(class);
                Ok(())
            }
            Ast::ClassUnicode(class) => check_unicode(class),
            Ast::Repetition(repetition) => self.enter_repetition(repetition),
            Ast::Empty(_)
            | Ast::Dot(_)
            | Ast::ClassBracketed(_)
            | Ast::Alternation(_)
            | Ast::Concat(_) => Ok(()),
        }
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        if matches!(ast, Ast::Repetition(_)) {
            self.repeated.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
        use ast::ClassSetItem as Item;
        match item {
            Item::Literal(literal) => check_literal(literal),
            Item::Range(range) => {
                check_literal(&range.start)?;
                check_literal(&range.end)
            }
            Item::Perl(class) => {
                self.replace_class(class);
                Ok(())
            }
            Item::Unicode(class) => check_unicode(class),
            Item::Bracketed(_) => refuse("brackets inside brackets"),
            Item::Empty(_) | Item::Ascii(_) | Item::Union(_) => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(
        &mut self,
        _: &ast::ClassSetBinaryOp,
    ) -> Result<(), Self::Err> {
        refuse("operators inside brackets")
    }
}

impl Walk {
    fn replace_class(&mut self, class: &ast::ClassPerl) {
        use ast::ClassPerlKind as Kind;
        let replacement = match (&class.kind, class.negated) {
            (Kind::Digit, false) => "[0-9]",
            (Kind::Digit, true) => "[^0-9]",
            (Kind::Space, false) => r"[\t\n\f\r ]",
            (Kind::Space, true) => r"[^\t\n\f\r ]",
            (Kind::Word, false) => "[0-9A-Za-z_]",
            (Kind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.replaced.push((class.span, replacement));
    }

    fn check_assertion(&mut self, assertion: &ast::Assertion) -> Result<(), InvalidValue> {
        use ast::AssertionKind as Kind;
        match assertion.kind {
            Kind::StartLine | Kind::EndLine | Kind::StartText | Kind::EndText => Ok(()),
            Kind::WordBoundary => {
                self.replaced.push((assertion.span, r"(?-u:\b)"));
                Ok(())
            }
            // In Rust, what is no boundary in ASCII may lie inside a character.
            _ => refuse(r"\B, \b{start} and the like"),
        }
    }

    fn enter_repetition(&mut self, repetition: &ast::Repetition) -> Result<(), InvalidValue> {
        use ast::{RepetitionKind as Kind, RepetitionRange as Range};
        if matches!(*repetition.ast, Ast::Repetition(_)) {
            return refuse("two repetitions in a row");
        }
        let times = match &repetition.op.kind {
            Kind::Range(Range::Exactly(times) | Range::AtLeast(times)) => *times,
            Kind::Range(Range::Bounded(_, times)) => *times,
            Kind::ZeroOrOne | Kind::ZeroOrMore | Kind::OneOrMore => 1,
        };
        let around = self.repeated.last().copied().unwrap_or(1);
        let all = around.saturating_mul(times.max(1));
        if all > MOST_REPEATED {
            return refuse(&format!("more than {MOST_REPEATED} repetitions"));
        }
        self.repeated.push(all);
        Ok(())
    }
}

fn check_flags(flags: &ast::Flags) -> Result<(), InvalidValue> {
    use ast::{Flag, FlagsItemKind as Kind};
    for item in &flags.items {
        match item.kind {
            Kind::Negation
            | Kind::Flag(
                Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed,
            ) => {}
            Kind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) => {
                return refuse("the flags u, R and x");
            }
        }
    }
    Ok(())
}

fn check_group(group: &ast::Group) -> Result<(), InvalidValue> {
    match &group.kind {
        ast::GroupKind::CaptureIndex(_) => Ok(()),
        ast::GroupKind::NonCapturing(flags) => check_flags(flags),
        ast::GroupKind::CaptureName { .. } => refuse("names of groups"),
    }
}

fn check_literal(literal: &ast::Literal) -> Result<(), InvalidValue> {
    use ast::{HexLiteralKind as Hex, LiteralKind as Kind};
    match literal.kind {
        Kind::Verbatim | Kind::Meta | Kind::Superfluous | Kind::Special(_) => Ok(()),
        Kind::HexFixed(Hex::X) | Kind::HexBrace(Hex::X) => Ok(()),
        Kind::HexFixed(_) | Kind::HexBrace(_) => refuse(r"\u and \U"),
        Kind::Octal => refuse("octal numbers"),
    }
}

/// Of the classes of Unicode, both know the one-letter ones and those of general categories.
fn check_unicode(class: &ast::ClassUnicode) -> Result<(), InvalidValue> {
    const CATEGORIES: &[&str] = &[
        "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc",
        "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
        "C", "Cc", "Cf", "Co",
    ];
    const SCRIPTS: &[&str] = &[
        "Arabic",
        "Armenian",
        "Bengali",
        "Cyrillic",
        "Devanagari",
        "Georgian",
        "Greek",
        "Han",
        "Hangul",
        "Hebrew",
        "Hiragana",
        "Katakana",
        "Latin",
        "Tamil",
        "Thai",
    ];
    let is_known = match &class.kind {
        ast::ClassUnicodeKind::OneLetter(letter) => {
            CATEGORIES.contains(&letter.to_string().as_str())
        }
        ast::ClassUnicodeKind::Named(name) => {
            CATEGORIES.contains(&name.as_str()) || SCRIPTS.contains(&name.as_str())
        }
        ast::ClassUnicodeKind::NamedValue { .. } => false,
    };
    if is_known {
        Ok(())
    } else {
        refuse(r"such \p; \p{Lu} or \p{Greek} is known")
    }
}
