//! What the functions of the matrix do: the same, in every shape.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit_core::{AuditError, ErrorInfo, NotRecorded, Verdict, current};

/// How often a body waits.
pub(crate) const AWAITS: usize = 3;

/// How a call comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum End {
    #[default]
    Ok,
    Err,
    /// An error that says itself that it is a denial.
    NotAllowed,
    DeniedAndOk,
    DeniedAndErr,
    PanicBeforeFirstAwait,
    PanicAfterAwaits,
    DeniedAndPanic,
    /// In what a function does before it gives its future away.
    PanicBeforeItsFuture,
    /// Given up at each await, one after the other.
    Cancelled,
    DeniedAndCancelled,
    TimedOut,
    NeverPolled,
}

impl End {
    pub(crate) const ALL: [Self; 13] = [
        Self::Ok,
        Self::Err,
        Self::NotAllowed,
        Self::DeniedAndOk,
        Self::DeniedAndErr,
        Self::PanicBeforeFirstAwait,
        Self::PanicAfterAwaits,
        Self::DeniedAndPanic,
        Self::PanicBeforeItsFuture,
        Self::Cancelled,
        Self::DeniedAndCancelled,
        Self::TimedOut,
        Self::NeverPolled,
    ];
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("the ledger is broken")]
    Broken(#[source] std::fmt::Error),
    #[error("only approvers may do this")]
    NotAllowed,
    #[error(transparent)]
    Unrecorded(#[from] NotRecorded),
}

impl AuditError for Failed {
    fn verdict(&self) -> Verdict {
        let error = ErrorInfo::of(self);
        match self {
            Self::NotAllowed => Verdict::denied(error.code("role.missing")),
            Self::Broken(_) => Verdict::failure(error.code("ledger").kind("broken")),
            Self::Unrecorded(_) => Verdict::failure(error),
        }
    }
}

pub(crate) type Ended = Result<u64, Failed>;
pub(crate) type Call = Pin<Box<dyn Future<Output = Ended>>>;

/// What one call is to do, and whether it has done it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    pub(crate) end: End,
    denied: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Body {
    pub(crate) fn new(end: End) -> Self {
        Self { end, ..Self::default() }
    }

    /// Whether the body has run to its end, whatever the log still has to do.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether the body has come so far as to say that it is a denial.
    pub(crate) fn has_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    pub(crate) fn before_its_future(&self) {
        if self.end == End::PanicBeforeItsFuture {
            panic!("there is no future");
        }
    }

    pub(crate) fn begin(&self) {
        match self.end {
            End::PanicBeforeFirstAwait => panic!("the till is jammed"),
            End::DeniedAndOk
            | End::DeniedAndErr
            | End::DeniedAndPanic
            | End::DeniedAndCancelled => {
                current().deny();
                self.denied.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    pub(crate) fn finish(&self) -> Ended {
        self.over.store(true, Ordering::Relaxed);
        match self.end {
            End::Err | End::DeniedAndErr => Err(Failed::Broken(std::fmt::Error)),
            End::NotAllowed => Err(Failed::NotAllowed),
            End::PanicAfterAwaits | End::DeniedAndPanic => panic!("the till is {}", "empty"),
            _ => Ok(7),
        }
    }
}

/// The body of a function that waits.
macro_rules! work {
    ($body:expr) => {{
        $body.begin();
        for _ in 0..crate::body::AWAITS {
            tokio::task::yield_now().await;
        }
        if $body.end == crate::body::End::TimedOut {
            std::future::pending::<()>().await;
        }
        $body.finish()
    }};
}
pub(crate) use work;
