//! What is taken out of a body: too much rather than too little.

use serde_json::Value;

/// What makes a name that of a secret, wherever it stands in it.
const SECRET: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
    "cardnumber",
    "signature",
    "mnemonic",
];

/// What makes it so as a word of its own.
const SECRET_WORDS: [&str; 9] = ["pwd", "pass", "pin", "otp", "cvc", "cvv", "pan", "auth", "jwt"];

/// Members whose text is the name of what stands beside it: `{"name": "password", "value": ..}`.
const NAMING: [&str; 5] = ["name", "key", "path", "field", "id"];

/// Names that are taken out as well.
#[derive(Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        Self(names.into_iter().map(|name| words(name).concat()).collect())
    }
}

/// Takes members out by their names, and texts that may hold what they name; says whether there were any.
pub(super) fn redact(value: &mut Value, names: &Names) -> bool {
    within("", value, names)
}

fn within(around: &str, value: &mut Value, names: &Names) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |any, item| {
            let hides = is_opaque(item);
            if hides {
                *item = Value::Null;
            }
            any | hides | within(around, item, names)
        }),
        Value::Object(members) => {
            let before = members.len();
            let names_a_secret = NAMING.iter().filter_map(|naming| members.get(*naming)?.as_str());
            let mut names_a_secret = names_a_secret.map(|name| is_secret(name, names));
            let names_a_secret = names_a_secret.any(|is_secret| is_secret);
            members.retain(|name, value| {
                let is_named = names_a_secret && !NAMING.contains(&name.as_str());
                !is_named && !is_secret(&format!("{around} {name}"), names) && !is_opaque(value)
            });
            let any = members.len() < before;
            members.iter_mut().fold(any, |any, (name, item)| within(name, item, names) | any)
        }
        _ => false,
    }
}

/// Whether a name, with that of what is around it, is that of a secret.
pub(crate) fn is_secret(name: &str, names: &Names) -> bool {
    // What came as a form and is none has its text for a name.
    if name.contains(['{', '"', '<', '=']) {
        return true;
    }
    let words = words(name);
    let joined = words.concat();
    let is_run = |own: &String| {
        (0..words.len()).any(|from| {
            let mut run = String::new();
            words.iter().skip(from).any(|word| {
                run.push_str(word);
                run == *own
            })
        })
    };
    SECRET.iter().any(|secret| joined.contains(secret))
        || words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || names.0.iter().any(is_run)
}

/// Whether a text may hold members of its own: JSON, a query, a header that was pasted.
fn is_opaque(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let joined = words(text).concat();
    text.trim_start().starts_with(['{', '[', '<'])
        || SECRET.iter().any(|secret| joined.contains(secret))
}

/// The words of a name, in lower case, however they are put together: `newPwd`, `new_pwd`, `user[new-pwd]`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut is_open, mut was_lower) = (false, false);
    for c in name.chars() {
        if !c.is_alphanumeric() {
            (is_open, was_lower) = (false, false);
            continue;
        }
        if !is_open || (was_lower && c.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        (is_open, was_lower) = (true, c.is_lowercase());
    }
    words
}
