#![cfg(test)]
//! The commands that read a log, each on real databases of both kinds.

mod case;
mod export;
mod import;
mod report;
mod show;
mod tail;
#[cfg(unix)]
mod terminal;
mod words;
