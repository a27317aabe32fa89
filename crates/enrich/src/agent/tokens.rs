//! The words of a user agent (RFC 9110 §10.1.5): products, and what stands in comments.

/// A user agent, cut into its words.
#[derive(Debug, Default)]
pub(super) struct Tokens<'a> {
    /// The words outside of comments, with their versions: `Chrome/126.0.0.0`.
    products: Vec<(&'a str, &'a str)>,
    /// What semicolons separate in comments: `Android 14`. Each with the number of its comment.
    parts: Vec<(usize, &'a str)>,
    /// The parts that look like products: `Opera Mini/7.1.32052/29.3709`.
    inner_products: Vec<(&'a str, &'a str)>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut tokens = Self::default();
        let mut rest = text;
        for comment_number in 0.. {
            let Some((before, inside)) = rest.split_once('(') else {
                break;
            };
            tokens.add_products(before);
            let (comment, behind) = split_comment(inside);
            tokens.add_comment(comment_number, comment);
            rest = behind;
        }
        tokens.add_products(rest);
        tokens
    }

    fn add_products(&mut self, text: &'a str) {
        // Brackets and semicolons separate the words of apps: `[FBAN/FBIOS;FBAV/467.0]`.
        let is_between = |char: char| char.is_whitespace() || matches!(char, '[' | ']' | ';' | ')');
        for word in text.split(is_between).filter(|word| !word.is_empty()) {
            match (word.split_once('/'), self.products.last_mut()) {
                // `[LinkedInApp]/9.29.8962`.
                (Some(("", version)), Some((_, before))) if before.is_empty() => {
                    *before = version;
                }
                (Some(product), _) => self.products.push(product),
                // Some apps write `Instagram 300.0`.
                (None, Some((_, version))) if version.is_empty() && is_version(word) => {
                    *version = word;
                }
                (None, _) => self.products.push((word, "")),
            }
        }
    }

    fn add_comment(&mut self, number: usize, comment: &'a str) {
        let parts = comment.split(';').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            self.parts.push((number, part));
            if let Some((name, version)) = part.split_once('/') {
                let version = version.split([' ', '/', ',']).next();
                self.inner_products
                    .push((name.trim(), version.unwrap_or_default()));
            }
        }
    }

    /// What semicolons separate in comments: `Android 14`.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'a str> {
        self.parts.iter().map(|(_, part)| *part)
    }

    /// The parts behind that which begins with this word, in the same comment.
    pub(super) fn parts_behind(&self, word: &str) -> impl Iterator<Item = &'a str> {
        let found = self.parts().position(|part| behind(part, word).is_some());
        let rest = found.map_or(&[][..], |index| &self.parts[index..]);
        let comment = rest.first().map(|(comment, _)| *comment);
        let rest = rest.iter().skip(1);
        rest.take_while(move |(other, _)| Some(*other) == comment)
            .map(|(_, part)| *part)
    }

    /// The names of the products.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.products.iter().map(|(name, _)| *name)
    }

    /// Whether a comment has this part, or one that begins with this word.
    pub(super) fn has_part(&self, word: &str) -> bool {
        self.after(word).is_some()
    }

    /// What stands behind a word at the beginning of a part: `14` behind `Android`.
    pub(super) fn after(&self, word: &str) -> Option<&'a str> {
        self.parts().find_map(|part| behind(part, word))
    }

    /// The version of a product; empty when it has none. Products in comments count, too.
    pub(super) fn version(&self, name: &str) -> Option<&'a str> {
        let mut products = self.products.iter().chain(&self.inner_products);
        let product = products.find(|(other, _)| other.eq_ignore_ascii_case(name));
        product.map(|(_, version)| *version)
    }

    /// Whether a product has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.version(name).is_some()
    }
}

/// The comment that began before `text`, and what comes behind it. Comments can hold comments.
fn split_comment(text: &str) -> (&str, &str) {
    let mut depth = 1_usize;
    for (index, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&text[..index], &text[index + 1..]);
        }
    }
    (text, "")
}

/// What is left of a text behind the word it begins with; case does not matter.
pub(super) fn behind<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    // A hyphen goes on with the word: `linux-gnu` is what programs say, no system of a visitor.
    let goes_on = rest.starts_with(|char: char| char.is_alphanumeric() || char == '-');
    let fits = start.eq_ignore_ascii_case(word) && !goes_on;
    fits.then(|| rest.trim_start_matches([' ', '/', ':', '=']))
}

/// Whether a word is a number such as `10.2`.
fn is_version(word: &str) -> bool {
    word.starts_with(|char: char| char.is_ascii_digit())
        && word
            .chars()
            .all(|char| char.is_ascii_digit() || char == '.')
}

/// The version a text begins with: digits, with dots or underscores between them.
pub(super) fn leading_version(text: &str) -> String {
    let is_inside = |char: char| char.is_ascii_digit() || matches!(char, '.' | '_');
    let end = text.find(|char| !is_inside(char)).unwrap_or(text.len());
    text[..end].replace('_', ".").trim_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_comments_are_told_apart() {
        let tokens = Tokens::of(
            "Mozilla/5.0 (Linux; Android 14; X(1) Y; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
             App 1.2 [FBAN/FBIOS;FBAV/467.0;] (never closed; Opera Mini/7.1/29",
        );
        assert_eq!(tokens.version("mozilla"), Some("5.0"));
        assert_eq!(tokens.version("App"), Some("1.2"));
        assert_eq!(tokens.version("FBAV"), Some("467.0"));
        assert_eq!(tokens.version("Opera Mini"), Some("7.1"));
        assert_eq!(tokens.version("Safari"), None);
        assert_eq!(tokens.after("Android"), Some("14"));
        assert!(tokens.has_part("WV"));
        assert!(!tokens.has_part("And"));
        assert!(tokens.parts().any(|part| part == "X(1) Y"));
    }

    #[test]
    fn versions_end_where_something_else_begins() {
        for (text, expected) in [
            ("14", "14"),
            ("17_5_1 like Mac OS X", "17.5.1"),
            ("10.0; Win64", "10.0"),
            ("8.1.0-beta", "8.1.0"),
            ("x", ""),
            ("", ""),
        ] {
            assert_eq!(leading_version(text), expected, "{text}");
        }
    }
}
