//! How far something long has come: a bar on stderr, if that is a terminal.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that goes away when it is dropped. In a pipe it is nothing.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar that says what is being done: `exporting`.
    pub(crate) fn new(doing: &'static str) -> Self {
        if !is_drawn(io::stderr().is_terminal(), env::var_os("TERM").as_deref()) {
            return Self::hidden();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(doing);
        Self(bar)
    }

    /// For what prints to the same terminal.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// So many of all are done.
    pub(crate) fn set(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    /// Prints while no bar is in the way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn is_drawn(is_terminal: bool, kind: Option<&OsStr>) -> bool {
    is_terminal && kind.is_some_and(|kind| kind != "dumb")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::is_drawn;

    #[test]
    fn a_bar_is_drawn_where_somebody_sees_it_move() {
        for (is_terminal, kind, expected) in [
            (true, Some("xterm"), true),
            (true, Some("dumb"), false),
            (true, None, false),
            (false, Some("xterm"), false),
        ] {
            assert_eq!(is_drawn(is_terminal, kind.map(OsStr::new)), expected);
        }
    }
}
