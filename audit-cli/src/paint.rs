//! Colours. Where they are off, or nobody would see them, the stream takes them out again.

use std::fmt::Display;

use anstream::ColorChoice as Stream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

use crate::output::printable;

pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const DOUBT: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

/// Lets all that is printed after this have colours, or not. By default a terminal has them, unless `NO_COLOR` is set.
pub(crate) fn set(color: ColorChoice) {
    let stream = match color {
        ColorChoice::Auto => Stream::Auto,
        ColorChoice::Always => Stream::Always,
        ColorChoice::Never => Stream::Never,
    };
    stream.write_global();
}

/// What `--color` says, before anything is known of the other arguments: help and complaints about them have colours, too.
pub(crate) fn asked(arguments: impl Iterator<Item = String>) -> ColorChoice {
    let mut arguments = arguments.skip_while(|argument| !argument.starts_with("--color"));
    let word = match arguments.next().as_deref().map(|first| first.strip_prefix("--color=")) {
        Some(Some(word)) => Some(word.to_owned()),
        _ => arguments.next(),
    };
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// A text that is safe for a terminal, in a style.
pub(crate) fn painted(style: Style, text: impl Display) -> String {
    format!("{style}{}{style:#}", printable(&text.to_string()))
}

/// A style for how something ended.
pub(crate) fn of_outcome(outcome: &str) -> Style {
    match outcome {
        "success" => GOOD,
        "failure" | "denied" => BAD,
        _ => DOUBT,
    }
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice::{self, Always, Auto, Never};

    use super::{BAD, asked, painted};

    #[test]
    fn what_is_said_of_colours_is_known_before_the_rest_is_understood() {
        for (line, expected) in [
            ("audit verify", Auto),
            ("audit --color never --help", Never),
            ("audit search --color=always", Always),
            ("audit search --frobnicate --color=always", Always),
            ("audit --color", Auto),
            ("audit --color sometimes", Auto),
        ] {
            let color: ColorChoice = asked(line.split(' ').map(str::to_owned));
            assert_eq!(color, expected, "{line}");
        }
    }

    #[test]
    fn a_painted_text_brings_no_colours_of_its_own() {
        assert_eq!(painted(BAD, "a\u{1b}[2J"), "\u{1b}[31ma\\u{1b}[2J\u{1b}[0m");
    }
}
