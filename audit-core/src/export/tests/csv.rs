//! Columns, cells, and what spreadsheets make of them.

use proptest::prelude::*;
use serde_json::json;

use super::{golden, said, written};
use crate::export::csv::line;
use crate::export::{Column, Format};
use crate::query::FIELDS;

fn csv(columns: &str) -> Format {
    Format::Csv(Column::list(columns).unwrap())
}

/// The cells of a text, as RFC 4180 says.
fn read(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut is_quoted) =
        (Vec::new(), Vec::new(), String::new(), false);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if is_quoted && signs.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted => {
                assert_eq!(signs.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    assert!(!is_quoted && cell.is_empty() && row.is_empty(), "{text}");
    rows
}

#[test]
fn no_cell_is_a_formula() {
    for (value, cell) in [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("x;=1", "x;'=1"),
        ("x;y\t+1;'z", "x;y\t'+1;''z"),
        ("x; =1", "x; =1"),
        ("\r=1", "\"'\r'=1\""),
        ("a\n=1", "\"a\n'=1\""),
        ("a\r\n\r\nb", "\"a\r\n\r\nb\""),
        ("a;\"=1", "\"a;'\"\"=1\""),
        ("\u{ff1d}1", "'\u{ff1d}1"),
        ("'=1", "''=1"),
        ("=1,\"2\"", "\"'=1,\"\"2\"\"\""),
        ("a=1", "a=1"),
        ("O'Hara", "O'Hara"),
        ("a, b", "\"a, b\""),
        ("", ""),
    ] {
        let entry = said(json!({ "reason": value }));
        let found = written(csv("reason,stage"), &[entry], false);
        assert_eq!(found, format!("reason,stage\r\n{cell},complete\r\n"), "{value:?}");
    }
}

/// A cell without its marks, as the docs say.
fn plain(cell: &str) -> String {
    let (mut plain, mut begins) = (String::new(), true);
    let mut signs = cell.chars();
    while let Some(sign) = signs.next() {
        let sign = if begins && sign == '\'' { signs.next().unwrap_or(sign) } else { sign };
        begins = matches!(sign, ';' | '\t' | '\r' | '\n');
        plain.push(sign);
    }
    plain
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(cells in prop::collection::vec("[=+@';\t\n,\"a-]{0,8}|\\PC*", 1..5)) {
        let mut out = Vec::new();
        line(&mut out, &cells);
        let rows = read(str::from_utf8(&out).unwrap());
        let plain: Vec<_> = rows[0].iter().map(|it| plain(it)).collect();
        prop_assert_eq!((rows.len(), plain), (1, cells));
        let is_formula = |it: &str| it.starts_with(['=', '+', '-', '@']);
        let mut parts = rows[0].iter().flat_map(|it| it.split([';', '\t', '\r', '\n']));
        prop_assert!(!parts.any(is_formula));
    }
}

#[test]
fn a_column_finds_what_stands_at_its_place() {
    let entry = said(json!({
        "tags": ["q4", "urgent"], "labels": {"env": "prod", "a/b": "c"}, "is_sensitive": true,
        "actor": {"id": "u-1", "kind": "user", "on_behalf_of": [{"id": "a"}, {"id": "b"}]},
        "metadata": {"tries": -3, "who": {"is": [1, {"b": null}]}, "~": "x"},
        "changes": [{"path": "/amount", "before": 1, "after": 2}, {"path": "/note"}],
    }));
    let found = |columns: &str| {
        let text = written(csv(columns), std::slice::from_ref(&entry), false);
        read(&text).remove(1)
    };
    assert_eq!(
        found("tag,label.env,label.a/b,sensitive,on_behalf_of,changed,tenant"),
        ["q4;urgent", "prod", "c", "true", "a;b", "/amount;/note", ""]
    );
    assert_eq!(
        found(
            "/metadata/tries,/metadata/who,/metadata/who/is/1,/metadata/~0,/changes/1/path,/none,/metadata/who/is"
        ),
        ["'-3", r#"{"is":[1,{"b":null}]}"#, r#"{"b":null}"#, "x", "/note", "", r#"[1,{"b":null}]"#]
    );
    assert_eq!(
        found("log,index,recorded_at,occurred_at,actor,actor,producer"),
        [
            "billing.example/audit/standard",
            "8",
            "2026-01-02T03:04:06.500000Z",
            "2026-01-02T03:04:05.000006Z",
            "u-1",
            "u-1",
            "host-1"
        ]
    );
    assert_eq!(found("leaf_hash"), [entry.leaf_hash.to_string()]);
}

#[test]
fn what_is_read_from_the_bytes_is_what_a_parsed_event_says() {
    let all = FIELDS.join(",");
    // A payload's column has it parsed.
    let parsed = written(csv(&format!("{all},/none")), &golden(), false).replace(",\r\n", "\r\n");
    assert_eq!(parsed.replace(",/none", ""), written(csv(&all), &golden(), false));
    assert!(parsed.contains("q3;eu") && parsed.contains("1500"));
}

#[test]
fn what_is_not_chosen_is_what_an_auditor_asks_for_first() {
    let (plain, personal) = (Column::default_set(false), Column::default_set(true));
    assert!(plain.len() == 27 && !plain.iter().any(Column::is_personal));
    assert!(personal.len() == 34 && personal.iter().filter(|it| it.is_personal()).count() == 7);
    let golden = golden();
    let file = include_str!("../../../testdata/export/default.csv");
    assert_eq!(written(Format::Csv(plain), &golden, false), file);
    let file = include_str!("../../../testdata/export/personal.csv");
    assert_eq!(written(Format::Csv(personal), &golden, true), file);
}

#[test]
fn what_is_no_column_is_told() {
    for (name, says) in [
        ("acter", "`acter`, did you mean `actor`?"),
        ("recorded", "`recorded`"),
        ("leafhash", "did you mean `leaf_hash`?"),
        ("label", "`label`"),
        ("parent.order", "use a field of the search language"),
        ("", "``"),
    ] {
        let error = Column::list(&format!("actor,{name}")).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(Column::list("actor, action ").unwrap()[1].to_string(), "action");
}
