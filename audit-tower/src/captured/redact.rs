//! What is taken out of a body: too much rather than too little.

use serde_json::Value;

/// What makes a name that of a secret, wherever it stands in it.
const SECRET: [&str; 22] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "assertion",
    "samlresponse",
    "sessionid",
    "cookie",
    "cardnumber",
    "creditcard",
    "cvc",
    "cvv",
    "signature",
    "mnemonic",
];

/// What makes it so as a word of its own, also with a number behind it.
const SECRET_WORDS: [&str; 8] = ["pass", "pin", "otp", "pan", "auth", "jwt", "sid", "totp"];

/// Members whose text is the name of what stands beside it, whatever it looks like: `{"name": "password", "value": ..}`. Others
/// may be as well, where their text looks like a name.
const NAMING: [&str; 5] = ["name", "key", "path", "field", "id"];

/// Longest name of a member that stays, in bytes: what is longer is no name.
const MAX_NAME: usize = 128;

/// Longest text in bytes that looks like a name.
const MAX_NAMING: usize = 64;

/// Names that are taken out as well.
#[derive(Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        let both = |name: &String| {
            let words = words(name);
            [bare(&words.concat()).to_owned(), words.iter().map(|word| bare(word)).collect()]
        };
        Self(names.into_iter().flat_map(both).collect())
    }
}

/// Takes members out by their names, and texts that may hold what they name; says whether there were any.
pub(super) fn redact(value: &mut Value, names: &Names) -> bool {
    match value.as_str().is_some_and(|text| is_opaque(text, names)) {
        true => {
            *value = Value::Null;
            true
        }
        false => within("", value, names),
    }
}

fn within(around: &str, value: &mut Value, names: &Names) -> bool {
    match value {
        Value::Array(items) => {
            // A list of names and values, as pairs.
            let is_pair = |item: &Value| item.as_str().is_some_and(|name| is_secret(name, names));
            if items.iter().any(is_pair) {
                *value = Value::Null;
                return true;
            }
            items.iter_mut().fold(false, |any, item| {
                let hides = item.as_str().is_some_and(|text| is_opaque(text, names));
                if hides {
                    *item = Value::Null;
                }
                any | hides | within(around, item, names)
            })
        }
        Value::Object(members) => {
            let before = members.len();
            let names_a_secret = members.iter().any(|(name, value)| names_one(name, value, names));
            members.retain(|name, value| {
                let is_named = names_a_secret && !is_naming(name);
                let hides = value.as_str().is_some_and(|text| is_opaque(text, names));
                let is_name = name.len() <= MAX_NAME;
                is_name && !is_named && !hides && !is_secret(&format!("{around} {name}"), names)
            });
            let any = members.len() < before;
            members.iter_mut().fold(any, |any, (name, item)| within(name, item, names) | any)
        }
        _ => false,
    }
}

/// Whether a member tells the name of a secret, which may be what stands beside it: by its text, or one of its texts.
fn names_one(name: &str, value: &Value, names: &Names) -> bool {
    let is_naming = name.len() <= MAX_NAME && is_naming(name);
    let is_like_a_name = |text: &str| {
        text.len() <= MAX_NAMING && text.chars().all(|c| c.is_alphanumeric() || "-_[]".contains(c))
    };
    match value {
        Value::String(text) => (is_naming || is_like_a_name(text)) && is_secret(text, names),
        Value::Array(items) if is_naming => {
            items.iter().filter_map(Value::as_str).any(|text| is_secret(text, names))
        }
        _ => false,
    }
}

fn is_naming(name: &str) -> bool {
    NAMING.contains(&name.to_lowercase().as_str())
}

/// Whether a name, with that of what is around it, is that of a secret.
pub(crate) fn is_secret(name: &str, names: &Names) -> bool {
    // What came as a form and is none has its text for a name.
    if name.contains(['{', '"', '<', '=']) {
        return true;
    }
    let words = words(name);
    let joined = words.concat();
    let singular: String = words.iter().map(|word| bare(word)).collect();
    // Each beginning is left at the first word that does not go on with the name: a name may have thousands.
    let is_run =
        |own: &String| (0..words.len()).any(|from| goes_on(own, words.get(from..).unwrap_or(&[])));
    let is_word = |word: &String| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        SECRET_WORDS.contains(&word)
    };
    SECRET.iter().any(|secret| joined.contains(secret) || singular.contains(secret))
        || words.iter().any(is_word)
        || names.0.iter().any(is_run)
}

/// Whether words, from the first on, are what is left of a name, each as it is or as one of several.
fn goes_on(rest: &str, words: &[String]) -> bool {
    let Some((word, words)) = words.split_first() else {
        return false;
    };
    let left = [word, bare(word)].map(|word| rest.strip_prefix(word));
    left.into_iter().flatten().any(|left| left.is_empty() || goes_on(left, words))
}

/// A word without what makes several of one: a member of `cards` is one of a card, and so is `card2`.
fn bare(word: &str) -> &str {
    let one = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let one = one.strip_suffix('s').unwrap_or(one);
    if one.is_empty() { word } else { one }
}

/// Whether a text may hold members of its own (JSON, a query, a header that was pasted), or is a key itself.
pub(super) fn is_opaque(text: &str, names: &Names) -> bool {
    text.contains(['{', '<', '='])
        || text.trim_start().starts_with('[')
        || text.contains("://") && text.contains('@')
        || text.contains("eyJ")
        || is_secret(text, names)
}

/// The words of a name, in lower case, however they are put together: `newPwd`, `new_pwd`, `user[new-pwd]`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut letters = name.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(c) = letters.next() {
        if !c.is_alphanumeric() {
            before = None;
            continue;
        }
        let is_followed_by_lower = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = match before {
            None => true,
            // `newPwd`, and `PINCode`.
            Some(last) => c.is_uppercase() && (!last.is_uppercase() || is_followed_by_lower),
        };
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words
}
