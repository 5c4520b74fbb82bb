//! What is shipped and what is only a test, by the attribute `cfg`.

use super::lex::{Kind, Token};

/// Leaves out each item under `#[cfg(test)]` or `#[cfg(all(test, ..))]`, and all of a file that says so at its
/// top. `any(test, ..)` stays: it is shipped when the other condition holds.
pub(super) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        match attribute(rest) {
            Some(Attribute { test: true, inner: true, .. }) => return Vec::new(),
            Some(Attribute { test: true, after, .. }) => rest = behind_item(after),
            _ => {
                kept.push(first.clone());
                rest = after;
            }
        }
    }
    kept
}

struct Attribute<'a> {
    test: bool,
    inner: bool,
    after: &'a [Token],
}

fn attribute(tokens: &[Token]) -> Option<Attribute<'_>> {
    let (_, rest) = tokens.split_first().filter(|(first, _)| first.kind.is_mark('#'))?;
    let (inner, rest) = match rest.split_first()? {
        (next, rest) if next.kind.is_mark('!') => (true, rest),
        _ => (false, rest),
    };
    rest.first().filter(|token| token.kind.is_mark('['))?;
    let length = group_length(rest);
    let (content, after) = rest.split_at_checked(length)?;
    let kinds: Vec<&Kind> = content.iter().map(|token| &token.kind).collect();
    Some(Attribute { test: asks_for_test(&kinds), inner, after })
}

/// `[cfg(test)]`, or `[cfg(all(..))]` with `test` among its direct arguments.
fn asks_for_test(kinds: &[&Kind]) -> bool {
    let mut scopes: Vec<&str> = Vec::new();
    let mut last = "";
    for kind in kinds {
        match kind {
            Kind::Word(word) if word == "test" => {
                if matches!(scopes.as_slice(), ["cfg"] | ["cfg", "all"]) {
                    return true;
                }
            }
            Kind::Word(word) => last = word,
            Kind::Mark('(') => scopes.push(last),
            Kind::Mark(')') => drop(scopes.pop()),
            _ => {}
        }
    }
    false
}

/// Of a group with its brackets, from the opening one.
fn group_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// From behind an attribute. An item ends with its body or with a semicolon.
fn behind_item(tokens: &[Token]) -> &[Token] {
    // A field or a variant ends with a comma, and commas stand between angle brackets too. It is kept: to look
    // at too much is the safe side.
    let in_a_list = |token: &Token| token.kind.is_mark(':') || token.kind.is_mark(',');
    if tokens.get(1).is_some_and(in_a_list) {
        return tokens;
    }
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        match first.kind {
            Kind::Mark(';') => return after,
            Kind::Mark('}' | ')' | ']') => return rest,
            Kind::Mark(open @ ('(' | '[' | '{')) => {
                rest = rest.get(group_length(rest)..).unwrap_or_default();
                if open == '{' {
                    return rest;
                }
            }
            _ => rest = after,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::super::lex::tokens;
    use super::*;

    fn kept(text: &str) -> Vec<String> {
        let word = |token: Token| match token.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        };
        without_tests(&tokens(text)).into_iter().filter_map(word).collect()
    }

    #[test]
    fn what_stands_under_cfg_test_is_left_out_and_nothing_else() {
        assert_eq!(kept("a #[cfg(test)] mod tests { b { c } } d"), ["a", "d"]);
        assert_eq!(kept("#[cfg(test)] #[allow(x)] use b::{c, d}; e"), ["e"]);
        assert_eq!(kept("#[cfg(all(test, unix))] fn f<A, B>(a: [u8; 2]) { g } h"), ["h"]);
        assert_eq!(kept("#![cfg(test)] a b"), [""; 0]);
        assert_eq!(kept("#[cfg(not(test))] a"), ["cfg", "not", "test", "a"]);
        assert_eq!(kept("#[cfg(any(test, unix))] a"), ["cfg", "any", "test", "unix", "a"]);
        assert_eq!(kept("#[cfg(all(unix, not(test)))] a").last().unwrap(), "a");
    }

    #[test]
    fn a_field_under_cfg_test_does_not_take_the_next_one_with_it() {
        assert_eq!(kept("struct S { #[cfg(test)] a: A<B, C>, d: D } e").last().unwrap(), "e");
        assert!(kept("struct S { #[cfg(test)] a: A<B, C>, d: D }").contains(&"D".to_owned()));
    }
}
