//! What sort of thing an action is, by its name: what OCSF and ECS want to know first.

use serde_json::Value;

use super::parts::text;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Logon,
    Logoff,
    /// Of a resource that is a user or an account.
    Account(Account),
    Started,
    Stopped,
    Call(Verb),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Create,
    Enable,
    PasswordChange,
    PasswordReset,
    Disable,
    Delete,
    Lock,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Read,
    Update,
    Delete,
    Other,
}

/// Words for an action on an account, the last part of its name.
const ACCOUNT: [(Account, &[&str]); 7] = [
    (Account::PasswordReset, &["password_reset", "reset_password"]),
    (Account::PasswordChange, &["password_change", "change_password", "set_password"]),
    (Account::Enable, &["enable", "activate", "reactivate"]),
    (Account::Disable, &["disable", "deactivate", "suspend"]),
    (Account::Lock, &["lock"]),
    (Account::Create, &["create", "add", "register", "invite"]),
    (Account::Delete, &["delete", "remove"]),
];

const VERBS: [(Verb, &[&str]); 4] = [
    (Verb::Create, &["create", "add", "insert", "register", "upload", "import", "issue", "new"]),
    (Verb::Read, &["read", "get", "list", "view", "show", "search", "query", "export", "download"]),
    (Verb::Update, &["update", "edit", "change", "set", "patch", "rename", "move", "replace"]),
    (Verb::Delete, &["delete", "remove", "purge", "prune", "erase"]),
];

const LOGON: &[&str] = &["login", "logon", "log_in", "log_on", "signin", "sign_in", "authenticate"];

const LOGOFF: &[&str] = &["logout", "logoff", "log_out", "log_off", "signout", "sign_out"];

impl Kind {
    pub(super) fn of(event: &Value) -> Self {
        let action = text(event, "/action").unwrap_or_default();
        match action {
            "audit.started" => return Self::Started,
            "audit.stopped" => return Self::Stopped,
            _ => {}
        }
        let word = action.rsplit('.').next().unwrap_or_default();
        if is_one(word, LOGON) {
            return Self::Logon;
        }
        if is_one(word, LOGOFF) {
            return Self::Logoff;
        }
        let named = VERBS.iter().find(|(_, words)| is_one(word, words)).map(|(verb, _)| *verb);
        if matches!(text(event, "/resource/type"), Some("user" | "account"))
            && event.pointer("/resource/id").is_some()
        {
            let account = ACCOUNT.iter().find(|(_, words)| is_one(word, words));
            match (account, named) {
                (Some((account, _)), _) => return Self::Account(*account),
                (None, Some(Verb::Update)) => return Self::Account(Account::Other),
                _ => {}
            }
        }
        let by_method = || match text(event, "/request/method") {
            Some("GET" | "HEAD") => Verb::Read,
            Some("PUT" | "PATCH") => Verb::Update,
            Some("DELETE") => Verb::Delete,
            _ => Verb::Other,
        };
        Self::Call(named.unwrap_or_else(by_method))
    }
}

/// Whether a word is one of these, or begins with one and an underscore: `login_failed`.
fn is_one(word: &str, words: &[&str]) -> bool {
    words.iter().any(|it| {
        word.strip_prefix(it).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}
