//! A value that an attribute names stands in the event by its own rules.

use std::collections::BTreeSet;
use std::sync::Mutex;

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, Auditable, audited};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::log::{events, start};

const PASSWORD: &str = "correct horse";

/// What `serde` shows of it is not what the log may show.
#[derive(Auditable, serde::Serialize, PartialEq, Eq, Hash, Clone)]
struct Login {
    account: u64,
    #[audit(personal)]
    name: String,
    #[audit(redact)]
    password: String,
}

fn login() -> Login {
    Login { account: 7, name: "Ada Lovelace".to_owned(), password: PASSWORD.to_owned() }
}

#[derive(serde::Serialize)]
struct Amount {
    cents: u64,
}

#[audited(
    action = "login.try",
    metadata(
        by_ref = login,
        in_a_container = [Some(login)],
        in_a_set = set,
        in_a_tuple = (0, 1, 2, 3, 4, 5, 6, 7, login),
        beside_an_id = [(Uuid::nil(), login)],
        behind_a_lock = lock,
        by_serde = Amount { cents: 5 },
        plain = login.account,
    )
)]
#[expect(clippy::disallowed_types, reason = "as an application may have it")]
async fn try_login(login: &Login, set: &std::collections::HashSet<Login>, lock: &Mutex<Login>) {}

async fn recorded(lock: &Mutex<Login>) -> Value {
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("test")
        .scope(&recorder, try_login(&login(), &[login()].into(), lock))
        .await;
    events(&recorder).await.remove(0)
}

#[tokio::test]
async fn what_is_redacted_or_personal_is_so_in_metadata_too() {
    let event = recorded(&Mutex::new(login())).await;
    let metadata = &event["metadata"];
    assert_eq!(metadata["by_serde"], json!({"cents": 5}));
    assert_eq!(metadata["plain"], 7);
    for login in [
        &metadata["by_ref"],
        &metadata["in_a_container"][0],
        &metadata["in_a_set"][0],
        &metadata["in_a_tuple"][8],
        &metadata["beside_an_id"][0][1],
        &metadata["behind_a_lock"],
    ] {
        assert_eq!(login["account"], 7);
    }
    assert!(!event.to_string().contains(PASSWORD), "{event:#}");
    let places = [
        "behind_a_lock",
        "beside_an_id/0/1",
        "by_ref",
        "in_a_container/0",
        "in_a_set/0",
        "in_a_tuple/8",
    ];
    let each = |of: &str| BTreeSet::from(places.map(|place| format!("/metadata/{place}/{of}")));
    let told = |list: &str| {
        let pointers = event[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        pointers.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(told("redacted"), each("password"));
    assert_eq!(told("personal"), each("name"));
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "what is tried")]
async fn a_value_that_somebody_holds_locked_is_not_waited_for() {
    let lock = Mutex::new(login());
    let _held = lock.lock().unwrap();
    let event = recorded(&lock).await;
    assert_eq!(event["metadata"]["plain"], 7);
    assert!(event["metadata"].get("behind_a_lock").is_none_or(Value::is_null), "{event:#}");
    assert!(event["truncated"].to_string().contains("/metadata"), "{event:#}");
}

/// Nothing can show it: a parameter without a name is nobody's to record, also where an attribute below records all that it finds.
struct Token;

#[audited(action = "login.by_token")]
#[tracing::instrument]
async fn by_token(_: Token, account: u64) -> u64 {
    account
}

#[tokio::test]
async fn a_parameter_without_a_name_stays_without_one() {
    let recorder = start(MemoryStore::new()).await;
    let account = AuditContext::system("test").scope(&recorder, by_token(Token, 7)).await;
    assert_eq!((account, events(&recorder).await.len()), (7, 1));
}
