use serde_json::json;

use super::*;

fn redacted(mut value: Value, names: &[&str]) -> (Value, bool) {
    let names: Vec<_> = names.iter().map(|name| plain(name)).collect();
    let any = redact(&mut value, &names);
    (value, any)
}

#[test]
fn secrets_are_taken_out_by_their_names_however_they_are_spelt() {
    let value = json!({
        "user": "ann", "Password": "p", "new_password": "p", "apiKey": "k", "refresh-token": "t",
        "PIN": 1234, "spinning": true, "items": [{"cvv": "123", "qty": 2}, ["x"]],
        "Card Number": "4111", "deep": {"client.secret": {"a": 1}, "ok": null},
    });
    let left = json!({
        "user": "ann", "spinning": true, "items": [{"qty": 2}, ["x"]], "deep": {"ok": null},
    });
    assert_eq!(redacted(value, &[]), (left.clone(), true));
    assert!(!redacted(left, &[]).1);
    assert_eq!(
        redacted(json!([{"IBAN": "x", "iban_hint": "y"}]), &["i_ban"]),
        (json!([{"iban_hint": "y"}]), true)
    );
    assert_eq!(redacted(json!("password"), &[]), (json!("password"), false));
}

#[test]
fn a_form_keeps_the_fields_that_come_several_times() {
    assert_eq!(
        form(b"a=1&b=x+y&a=2&a=%c3%a4&=e&c"),
        json!({"a": ["1", "2", "ä"], "b": "x y", "": "e", "c": ""})
    );
    assert_eq!(form(b"%ff=%fe"), json!({"\u{fffd}": "\u{fffd}"}));
}
