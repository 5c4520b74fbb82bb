//! The closed vocabularies of an event. A word that is in no list is refused by the parser.

use std::fmt;
use std::str::FromStr;

/// A word that is not in its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not {kind}: expected one of {}", .expected.trim_end())]
pub struct UnknownWord {
    word: String,
    kind: &'static str,
    expected: &'static str,
}

/// Declares an enum whose variants stand in the format under one lower-case word each.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The word that stands in the canonical bytes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord {
                        word: word.chars().take(64).collect(),
                        kind: $kind,
                        expected: concat!($("`", $word, "` ",)+),
                    }),
                }
            }
        }
    };
}

vocabulary! {
    /// How an operation ended.
    Outcome, "an outcome" {
        /// It did what was asked.
        Success = "success",
        /// It was tried and did not succeed: an error, a refused input, a panic.
        Failure = "failure",
        /// The actor was not allowed to.
        Denied = "denied",
        /// It was dropped before it ended: the client left, a time-out struck.
        Cancelled = "cancelled",
        /// Nobody knows: the process ended in between.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// How serious an event is for the people who operate the system.
    Severity, "a severity" {
        /// Only of use when looking for a fault.
        Debug = "debug",
        /// Normal operation.
        Info = "info",
        /// Unusual, and still working.
        Warning = "warning",
        /// Something failed.
        Error = "error",
        /// Somebody must act now.
        Critical = "critical",
    }
}

impl Severity {
    /// Whether something failed: `error` or `critical`.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Self::Error
    }
}

vocabulary! {
    /// How delicate the thing that was done is, whatever its outcome.
    Sensitivity, "a sensitivity" {
        /// Everyday work.
        Low = "low",
        /// Worth a look in a review.
        Medium = "medium",
        /// Worth an alert.
        High = "high",
        /// Changes who may do what, or cannot be undone.
        Critical = "critical",
    }
}

vocabulary! {
    /// What kind of actor did something.
    ActorKind, "a kind of actor" {
        /// A person.
        User = "user",
        /// Another program, under an identity of its own.
        Service = "service",
        /// This program itself: a timer, a migration, a start.
        System = "system",
        /// A program that decides by itself on somebody's behalf.
        Agent = "agent",
        /// Nobody that could be told.
        Anonymous = "anonymous",
    }
}

vocabulary! {
    /// The kind of program that an event comes from.
    SourceSystem, "a source system" {
        /// A web page or its backend.
        Web = "web",
        /// A programming interface.
        Api = "api",
        /// A command line.
        Cli = "cli",
        /// A background worker.
        Worker = "worker",
        /// The system itself.
        System = "system",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_its_variant_and_another_is_refused_by_name() {
        assert_eq!("denied".parse(), Ok(Outcome::Denied));
        assert_eq!(Severity::Critical.to_string().parse(), Ok(Severity::Critical));
        let refused = "Denied".parse::<Outcome>().unwrap_err().to_string();
        assert!(refused.contains("`Denied`") && refused.contains("`cancelled`"), "{refused}");
    }
}
