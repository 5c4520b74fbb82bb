//! Actions that most applications have, under names that need not be invented again.
//!
//! Each has a category, a severity and a sensitivity; some are security-relevant, and some ask for an alert. An event that is
//! begun by the constant says so. One that is begun by the bare name says so where the recorder has it in its
//! [catalogue](crate::recorder::RecorderBuilder::catalogue), to which an application adds its own in the same way.
//!
//! ```
//! use audit_core::{Event, Sensitivity, actions, audited};
//!
//! #[audited(action = actions::USER_PASSWORD_CHANGE, resource = "user", resource_id = id)]
//! async fn change_password(id: u64) {
//!     // ..
//! }
//!
//! let event = Event::builder(actions::USER_LOGIN_FAILED).build()?;
//! assert!(event.is_security_relevant());
//! # Ok::<(), audit_core::EventError>(())
//! ```
//!
//! How other systems call them is in `docs/vocabulary.md`.

mod catalogue;
mod kinds;
#[cfg(test)]
mod tests;

pub(crate) use catalogue::Catalogue;
pub(crate) use kinds::{answered_call, called};

use crate::event::{Action, Sensitivity, Severity};

/// Each with its name, category, severity and sensitivity, and the setters of [`Action`] that mark it.
macro_rules! vocabulary {
    ($($constant:ident $name:literal $category:literal $severity:ident $sensitivity:ident $($mark:ident)*;)+) => {
        $(
            #[doc = concat!(
                "`", $name, "`: category `", $category, "`, severity ", stringify!($severity), ", sensitivity ",
                stringify!($sensitivity), $(", ", stringify!($mark),)* "."
            )]
            pub const $constant: Action = Action::new($name)
                .category($category)
                .severity(Severity::$severity)
                .sensitivity(Sensitivity::$sensitivity)
                $(.$mark())*;
        )+

        /// All of them, for a [catalogue](crate::recorder::RecorderBuilder::catalogue).
        pub const ALL: &[Action] = &[$($constant),+];
    };
}

vocabulary! {
    USER_LOGIN "user.login" "access" Info Low security;
    USER_LOGIN_FAILED "user.login_failed" "access" Warning Medium security;
    USER_LOGOUT "user.logout" "access" Info Low;
    USER_SSO_LOGIN "user.sso_login" "access" Info Low security;
    USER_SSO_LOGIN_FAILED "user.sso_login_failed" "access" Warning Medium security;
    USER_REGISTER "user.register" "user" Info Low;
    USER_CREATE "user.create" "user" Info Medium;
    USER_UPDATE "user.update" "user" Info Low;
    USER_PROFILE_UPDATE "user.profile_update" "user" Info Low;
    USER_DELETE "user.delete" "user" Info High security;
    USER_DELETE_ACCOUNT "user.delete_account" "user" Info High;
    USER_ACTIVATE "user.activate" "user" Info Medium security;
    USER_DEACTIVATE "user.deactivate" "user" Info Medium security;
    USER_SUSPEND "user.suspend" "user" Warning High security;
    USER_ROLE_CHANGE "user.role_change" "permission" Info Critical security;
    USER_PERMISSION_CHANGE "user.permission_change" "permission" Info Critical security alert;
    USER_PASSWORD_CHANGE "user.password_change" "security" Info Medium security;
    USER_PASSWORD_RESET "user.password_reset" "security" Info Medium security;
    USER_MFA_ENABLE "user.mfa_enable" "security" Info Medium security;
    USER_MFA_DISABLE "user.mfa_disable" "security" Warning High security;

    PASSKEY_REGISTER "passkey.register" "security" Info Medium security;
    PASSKEY_AUTHENTICATE "passkey.authenticate" "access" Info Low security;
    PASSKEY_DELETE "passkey.delete" "security" Info Medium security;

    CONNECTED_ACCOUNT_ADD "connected_account.add" "security" Info Medium security;
    CONNECTED_ACCOUNT_REMOVE "connected_account.remove" "security" Info Medium security;

    IDENTITY_CREATE "identity.create" "security" Info Medium security;
    IDENTITY_DELETE "identity.delete" "security" Info Medium security;
    IDENTITY_BIND "identity.bind" "security" Info Medium security;
    IDENTITY_UNBIND "identity.unbind" "security" Info Medium security;

    SESSION_EXPIRE "session.expire" "access" Info Low;

    TOKEN_REFRESH "token.refresh" "access" Info Low;
    TOKEN_REVOKE "token.revoke" "security" Info Medium security;

    API_KEY_CREATE "api_key.create" "security" Info High security;
    API_KEY_USE "api_key.use" "access" Info Low;
    API_KEY_REVOKE "api_key.revoke" "security" Info Medium security;

    KEY_ACCESS "key.access" "key" Info High security;
    KEY_ENCODE "key.encode" "key" Info Medium security;
    KEY_DECODE "key.decode" "key" Info High security;

    PERMISSION_GRANT "permission.grant" "permission" Info Critical security;
    PERMISSION_REVOKE "permission.revoke" "permission" Info Critical security;

    ROLE_CREATE "role.create" "permission" Info High security;
    ROLE_UPDATE "role.update" "permission" Info Critical security;
    ROLE_DELETE "role.delete" "permission" Info Critical security;
    ROLE_ASSIGN "role.assign" "permission" Info Critical security;
    ROLE_REVOKE "role.revoke" "permission" Info Critical security;

    TENANT_CREATE "tenant.create" "tenant" Info Medium;
    TENANT_UPDATE "tenant.update" "tenant" Info Medium;
    TENANT_DELETE "tenant.delete" "tenant" Warning Critical;
    TENANT_JOIN "tenant.join" "tenant" Info Medium;
    TENANT_LEAVE "tenant.leave" "tenant" Info Medium;
    TENANT_MEMBER_ADD "tenant.member_add" "permission" Info High security;
    TENANT_MEMBER_REMOVE "tenant.member_remove" "permission" Info High security;

    ORG_SYNC "org.sync" "org" Info Low;
    ORG_DEPARTMENT_CREATE "org.department_create" "org" Info Low;
    ORG_DEPARTMENT_UPDATE "org.department_update" "org" Info Low;
    ORG_MEMBER_CREATE "org.member_create" "org" Info Medium;
    ORG_MEMBER_UPDATE "org.member_update" "org" Info Low;

    AGENT_CREATE "agent.create" "agent" Info Medium;
    AGENT_UPDATE "agent.update" "agent" Info Medium;
    AGENT_DELETE "agent.delete" "agent" Info High;
    AGENT_START "agent.start" "agent" Info Low;
    AGENT_STOP "agent.stop" "agent" Info Low;

    COLLECTION_CREATE "collection.create" "collection" Info Medium;
    COLLECTION_UPDATE "collection.update" "collection" Info Low;
    COLLECTION_DELETE "collection.delete" "collection" Info High;
    COLLECTION_ARCHIVE "collection.archive" "collection" Info Medium;
    COLLECTION_MEMBER_ADD "collection.member_add" "permission" Info High security;
    COLLECTION_MEMBER_REMOVE "collection.member_remove" "permission" Info High security;
    COLLECTION_MEMBER_ROLE_CHANGE "collection.member_role_change" "permission" Info Critical security;

    RESOURCE_PLAN "resource.plan" "data" Info Low;
    RESOURCE_CREATE "resource.create" "data" Info Low;
    RESOURCE_READ "resource.read" "data" Info Low;
    RESOURCE_UPDATE "resource.update" "data" Info Low;
    RESOURCE_DELETE "resource.delete" "data" Info Medium;
    RESOURCE_RESTORE "resource.restore" "data" Info Medium;
    RESOURCE_IMPORT "resource.import" "data" Info Medium;
    RESOURCE_EXPORT "resource.export" "data" Info High;
    RESOURCE_SYNC "resource.sync" "data" Info Low;
    RESOURCE_COST_UPDATE "resource.cost_update" "data" Info Low;

    WORKFLOW_CREATE "workflow.create" "workflow" Info Low;
    WORKFLOW_START "workflow.start" "workflow" Info Low;
    WORKFLOW_COMPLETE "workflow.complete" "workflow" Info Low;
    WORKFLOW_FAIL "workflow.fail" "workflow" Error Medium;
    WORKFLOW_CANCEL "workflow.cancel" "workflow" Warning Low;

    APPROVAL_REQUEST "approval.request" "approval" Info Low;
    APPROVAL_GRANT "approval.grant" "approval" Info High;
    APPROVAL_REJECT "approval.reject" "approval" Info Medium;
    APPROVAL_EXPIRE "approval.expire" "approval" Warning Low;

    GDPR_DATA_EXPORT "gdpr.data_export" "gdpr" Info High;
    GDPR_DATA_PORTABILITY "gdpr.data_portability" "gdpr" Info High;
    GDPR_ACCOUNT_DELETION "gdpr.account_deletion" "gdpr" Info Critical;
    GDPR_CONSENT_UPDATE "gdpr.consent_update" "gdpr" Info Medium;

    HTTP_REQUEST "http.request" "api" Info Low;
    HTTP_CALL "http.call" "api" Info Low;
    HTTP_CALL_FAILED "http.call_failed" "api" Error Low;

    SYSTEM_STARTUP "system.startup" "system" Info Low;
    SYSTEM_SHUTDOWN "system.shutdown" "system" Info Low;
    SYSTEM_CONFIG_CHANGE "system.config_change" "system" Warning High security;
    SYSTEM_BACKUP "system.backup" "system" Info Medium;
    SYSTEM_MIGRATION "system.migration" "system" Info Medium;

    TASK_CREATE "task.create" "task" Info Low;
    TASK_UPDATE "task.update" "task" Info Low;
    TASK_ASSIGN "task.assign" "task" Info Low;
    TASK_DELETE "task.delete" "task" Info Medium;
    TASK_BLOCKER "task.blocker" "task" Warning Medium;

    PROJECT_CREATE "project.create" "project" Info Medium;
    PROJECT_UPDATE "project.update" "project" Info Medium;
    PROJECT_DELETE "project.delete" "project" Warning High alert;

    ATTACHMENT_UPLOAD "attachment.upload" "attachment" Info Low;
    ATTACHMENT_DOWNLOAD "attachment.download" "attachment" Info Low;
    ATTACHMENT_DELETE "attachment.delete" "attachment" Info Medium;
}
