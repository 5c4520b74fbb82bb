//! Rust source as words and marks: what is left without comments, literals and blanks.
//!
//! Enough to find paths and modules, and not a parser: the compiler says what is wrong with a file, here the
//! file is taken to be right. Doc comments go with the others, so a link or an example may name anything.

use std::str::Chars;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword; a raw identifier without its `r#`.
    Word(String),
    /// `::`
    Separator,
    /// Any other single character.
    Mark(char),
    /// A string, character or number.
    Literal,
}

impl Kind {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    pub(crate) fn is_mark(&self, mark: char) -> bool {
        matches!(self, Self::Mark(own) if *own == mark)
    }
}

pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: text.chars(), line: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks_and_comments();
        let line = lexer.line;
        let Some(first) = lexer.next() else {
            return tokens;
        };
        if let Some(kind) = lexer.token(first) {
            tokens.push(Token { kind, line });
        }
    }
}

struct Lexer<'a> {
    rest: Chars<'a>,
    line: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn begins_with(&self, start: &str) -> bool {
        self.rest.as_str().starts_with(start)
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            if self.peek().is_some_and(char::is_whitespace) {
                self.next();
            } else if self.begins_with("//") {
                self.skip_while(|c| c != '\n');
            } else if self.begins_with("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.begins_with("/*") {
                depth += 1;
                self.skip(2);
            } else if self.begins_with("*/") {
                depth = depth.saturating_sub(1);
                self.skip(2);
            } else if self.next().is_none() {
                return;
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// `None` is a lifetime, which says nothing about paths.
    fn token(&mut self, first: char) -> Option<Kind> {
        match first {
            '"' => {
                self.skip_string();
                Some(Kind::Literal)
            }
            '\'' => self.skip_character_or_lifetime().then_some(Kind::Literal),
            ':' if self.begins_with(":") => {
                self.skip(1);
                Some(Kind::Separator)
            }
            c if c.is_ascii_digit() => {
                self.skip_while(in_word);
                Some(Kind::Literal)
            }
            c if in_word(c) => Some(self.word(c)),
            mark => Some(Kind::Mark(mark)),
        }
    }

    /// A word, or the literal whose prefix it turns out to be.
    fn word(&mut self, first: char) -> Kind {
        let mut word = String::from(first);
        while let Some(c) = self.peek().filter(|c| in_word(*c)) {
            word.push(c);
            self.next();
        }
        if matches!(word.as_str(), "r" | "br" | "cr") && self.skip_raw_string() {
            return Kind::Literal;
        }
        if matches!(word.as_str(), "b" | "c") && self.begins_with("\"") {
            self.skip(1);
            self.skip_string();
            return Kind::Literal;
        }
        if word == "b" && self.begins_with("'") {
            self.skip(1);
            self.skip_character_or_lifetime();
            return Kind::Literal;
        }
        if word == "r" && self.begins_with("#") {
            self.skip(1);
            if let Some(c) = self.next() {
                return self.word(c);
            }
        }
        Kind::Word(word)
    }

    /// From behind the opening quote.
    fn skip_string(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '"' => return,
                '\\' => self.skip(1),
                _ => {}
            }
        }
    }

    /// From behind the prefix; false, and nothing is skipped, if there is no raw string.
    fn skip_raw_string(&mut self) -> bool {
        let hashes = self.rest.clone().take_while(|c| *c == '#').count();
        if self.rest.clone().nth(hashes) != Some('"') {
            return false;
        }
        self.skip(hashes + 1);
        let end = format!("\"{}", "#".repeat(hashes));
        while !self.begins_with(&end) {
            if self.next().is_none() {
                return true;
            }
        }
        self.skip(hashes + 1);
        true
    }

    /// From behind the quote; true for a character.
    fn skip_character_or_lifetime(&mut self) -> bool {
        if self.begins_with("\\") {
            self.skip(2);
            self.skip_while(|c| c != '\'');
            self.skip(1);
            return true;
        }
        if self.rest.clone().nth(1) == Some('\'') {
            self.skip(2);
            return true;
        }
        self.skip_while(in_word);
        false
    }
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words with their lines; marks and literals are left out.
    fn words(text: &str) -> Vec<(String, usize)> {
        let word = |token: Token| match token.kind {
            Kind::Word(word) => Some((word, token.line)),
            _ => None,
        };
        tokens(text).into_iter().filter_map(word).collect()
    }

    fn only(text: &str) -> Vec<String> {
        words(text).into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn comments_of_all_kinds_are_left_out_and_still_count_lines() {
        let text = "a // b\n/* c /* d */ e\n*/ f /// g\n//! h\ni";
        assert_eq!(words(text), [("a", 1), ("f", 3), ("i", 5)].map(|(w, l)| (w.to_owned(), l)));
    }

    #[test]
    fn strings_of_all_kinds_are_left_out_and_still_count_lines() {
        let text =
            "a \"b \\\" c\nd\" e r\"f\\\" g r#\"h \" i\"# j b\"k\" br##\"l\"# m\"## c\"n\" o";
        assert_eq!(only(text), ["a", "e", "g", "j", "o"]);
        assert_eq!(words("\"\n\n\" a"), [("a".to_owned(), 3)]);
    }

    #[test]
    fn a_character_is_not_a_lifetime() {
        assert_eq!(
            only(r"a '{' b '\'' c '\u{1F600}' d 'static e b'x' '/' f"),
            ["a", "b", "c", "d", "e", "f"]
        );
        assert_eq!(only("fn f<'a>(x: &'a str) {}"), ["fn", "f", "x", "str"]);
    }

    #[test]
    fn a_raw_identifier_is_a_word() {
        assert_eq!(only("r#type r b c br"), ["type", "r", "b", "c", "br"]);
    }

    #[test]
    fn the_separator_of_a_path_is_one_token() {
        let kinds: Vec<Kind> = tokens("a::b: ::c").into_iter().map(|token| token.kind).collect();
        let word = |word: &str| Kind::Word(word.to_owned());
        let expected =
            [word("a"), Kind::Separator, word("b"), Kind::Mark(':'), Kind::Separator, word("c")];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_file_that_ends_too_early_is_read_to_its_end() {
        for text in ["/* a", "\"a", "r#\"a", "'", "'\\", "r#", "b\"", "a:"] {
            tokens(text);
        }
    }
}
