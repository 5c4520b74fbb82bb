//! What a layer has been told.

use std::fmt;
use std::sync::Arc;

use audit_core::{AuditContext, Recorder};

use crate::classify::ClassifyOutcome;
use crate::coverage::Watch;
use crate::make_context::{MakeContext, Places};
use crate::policy::PolicyHandle;
use crate::request_id::{MakeRequestId, TimeOrdered};

/// What all requests have in common.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) recorder: Recorder,
    pub(crate) policy: PolicyHandle,
    /// From which the context of each request is made.
    pub(crate) context: AuditContext,
    pub(crate) places: Places,
    pub(crate) make_context: Option<Arc<dyn MakeContext>>,
    pub(crate) make_request_id: Arc<dyn MakeRequestId>,
    pub(crate) classify: Option<Arc<dyn ClassifyOutcome>>,
    /// The routes that are declared, if they are.
    pub(crate) watch: Option<Arc<Watch>>,
    /// Whether answers carry receipts.
    pub(crate) receipts: bool,
}

impl Settings {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self {
            policy: PolicyHandle::new(recorder.clone()),
            recorder,
            context: AuditContext::new(),
            places: Places::default(),
            make_context: None,
            make_request_id: Arc::new(TimeOrdered::default()),
            classify: None,
            watch: None,
            receipts: false,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, places, .. } = self;
        f.debug_struct("Settings")
            .field("context", context)
            .field("places", places)
            .finish_non_exhaustive()
    }
}
