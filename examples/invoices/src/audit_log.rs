//! Who may read the audit log over HTTP. That it was read is an entry as well.

use std::future::{Ready, ready};

use audit_core::query::Scope;
use audit_tower::api::{Access, Refused, Right};
use axum::http::request::Parts;

use crate::auth::{AUDITOR, User};

/// Auditors see everything, and nobody else sees anything.
pub(crate) fn only_auditors(head: &Parts) -> Ready<Result<Access, Refused>> {
    let rights = [Right::Search, Right::Sensitive, Right::Export, Right::Verify, Right::Manage];
    ready(match head.extensions.get::<User>() {
        Some(user) if user.role == AUDITOR => {
            Ok(Access::new(user.actor(), rights, Scope::everything()))
        }
        Some(_) => Err(Refused::Forbidden),
        None => Err(Refused::Unauthenticated("Cookie")),
    })
}
