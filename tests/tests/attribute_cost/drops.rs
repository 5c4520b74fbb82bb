//! The values of a function are dropped as if it were not audited, and before its event is finished.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, ErrorInfo, Verdict, audited};

use crate::log::start;

type Log = Arc<Mutex<Vec<String>>>;

/// Tells when it is dropped.
struct Loud(&'static str, Log);

impl Drop for Loud {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.to_owned());
    }
}

impl Loud {
    fn look(&self) {
        let _ = self.0.len();
    }
}
