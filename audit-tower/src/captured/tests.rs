use serde_json::json;

use super::*;

fn redacted(mut value: Value, names: &[&str]) -> (Value, bool) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let any = redact::redact(&mut value, &Names::new(&names));
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
        redacted(json!([{"IBAN": "x", "Lebiban": "y"}]), &["i_ban"]),
        (json!([{"Lebiban": "y"}]), true)
    );
    assert_eq!(redacted(json!("free"), &[]), (json!("free"), false));
}

#[test]
fn a_form_keeps_the_fields_that_come_several_times() {
    assert_eq!(
        form(b"a=1&b=x+y&a=2&a=%c3%a4&=e&c"),
        json!({"a": ["1", "2", "ä"], "b": "x y", "": "e", "c": ""})
    );
    assert_eq!(form(b"%ff=%fe"), json!({"\u{fffd}": "\u{fffd}"}));
}

#[test]
fn what_may_hold_a_secret_under_another_name_is_taken_out_too() {
    for (value, left) in [
        (json!({"card": {"number": "4111", "month": 7}}), json!({"card": {"month": 7}})),
        (
            json!({"newPwd": 1, "old_pwd": 2, "cardCvc": 3, "otp_code": 4, "shipping": 5}),
            json!({"shipping": 5}),
        ),
        (
            json!({"user[pin]": "1", "card[number]": "4", "otp[]": ["1"], "a[b]": "c"}),
            json!({"a[b]": "c"}),
        ),
        (json!([{"op": "replace", "path": "/password", "value": "x"}]), json!([{}])),
        (json!({"name": "api_key", "value": "x", "type": "y"}), json!({})),
        (json!({"query": "mutation { login(password: \"x\") }", "n": 1}), json!({"n": 1})),
        (json!({"payload": " {\"pin\":1}", "list": ["[1]", "b"]}), json!({"list": [null, "b"]})),
        (json!({"{\"pin\":1234}": "", "b": 1}), json!({"b": 1})),
    ] {
        assert_eq!(redacted(value.clone(), &[]), (left, true), "{value}");
    }
    let value =
        json!({"user[code]": 1, "code[]": 2, "otherCode": 3, "encoded": 4, "codes": 5, "code2": 6});
    assert_eq!(redacted(value, &["CODE"]), (json!({"encoded": 4}), true));
    // However the one and the other are put together.
    for own in ["sms_code", "smscode", "smsCode"] {
        let value = json!({"smscode": 1, "sms_codes": 2, "SmsCode2": 3, "sms": 4, "code": 5});
        assert_eq!(redacted(value, &[own]), (json!({"sms": 4, "code": 5}), true), "{own}");
    }
    for own in ["oauth2_code", "oauth2code"] {
        let value = json!({"oauth2Code": 1, "oauth2code": 2, "oauth2_codes": 3, "code": 4});
        assert_eq!(redacted(value, &[own]), (json!({"code": 4}), true), "{own}");
    }
    for (own, name) in [
        ("user_ssn", "users_ssn"),
        ("accounts_iban", "account_iban"),
        ("question1_answer", "question2Answer"),
        ("address", "addresses"),
    ] {
        let left = if own == "address" { json!({ name: 1 }) } else { json!({}) };
        assert_eq!(redacted(json!({ name: 1 }), &[own]).0, left, "{own}");
    }
    let value = json!({"users": [{"ssn": "078-05-1120", "n": 1}]});
    assert_eq!(redacted(value, &["user_ssn"]), (json!({"users": [{"n": 1}]}), true));
    let value = json!({"CODE-2": 1, "lists": {"s": 2}, "2": 3, "t": 4, "3": 5});
    assert_eq!(
        redacted(value, &["codes1", "s", "2"]),
        (json!({"lists": {}, "t": 4, "3": 5}), true)
    );
}

#[test]
fn what_is_a_text_within_a_text_or_a_pair_is_taken_out() {
    for (value, left) in [
        (json!("{\"password\":\"x\"}"), json!(null)),
        (json!([["password", "x"], ["a", "b"]]), json!([null, ["a", "b"]])),
        (
            json!({"q": "mutation { login(pin: 1) }", "d": "pin=1", "b": "Bearer eyJhbGciOi", "n": 1}),
            json!({"n": 1}),
        ),
        (
            json!({"PINCode": 1, "cvv2": 2, "pin1": 3, "newpwd": 4, "SAMLResponse": 5, "spin": 6}),
            json!({"spin": 6}),
        ),
        (json!([{"Name": "password", "Value": "x"}]), json!([{}])),
        (json!({"type": "password", "temporary": false, "value": "x"}), json!({})),
        (
            json!([{"k": "Authorization", "v": "Basic x"}, {"k": "a", "v": "b"}]),
            json!([{}, {"k": "a", "v": "b"}]),
        ),
        (json!({"cards": [{"number": "4111", "month": 7}]}), json!({"cards": [{"month": 7}]})),
        // What is no name takes nothing with it.
        (json!({"email": "peter.pan@x.example", "order": 7}), json!({"order": 7})),
        (json!({"method": "token.list", "path": "/x", "id": 1}), json!({"path": "/x", "id": 1})),
        (
            json!({"tags": ["auth", "b"], "CV's cover": "c"}),
            json!({"tags": null, "CV's cover": "c"}),
        ),
        (
            json!({"url": "postgres://u:p@host/db", "mail": "a@b.example"}),
            json!({"mail": "a@b.example"}),
        ),
    ] {
        assert_eq!(redacted(value.clone(), &[]), (left, true), "{value}");
    }
    let (several, left) = (form(b"name=user&value=ann&name=pin&value=1"), json!({"name": null}));
    assert_eq!(redacted(several, &[]), (left, true));
    let text = json!({"d": "the code is 7", "e": "encoded"});
    assert_eq!(redacted(text, &["code"]), (json!({"e": "encoded"}), true));
}

#[test]
fn what_is_longer_than_a_name_does_not_stay_as_one() {
    let (name, no_name) = ("a b".repeat(42), "a b".repeat(43));
    let value = json!({ name.clone(): 1, no_name: {"b": 2} });
    assert_eq!(redacted(value, &["code"]), (json!({ name: 1 }), true));
}
