//! The same bytes by an implementation made elsewhere: `serde_json_canonicalizer`, and the vectors of RFC 8785.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::model::{builder, committed, event, normal, payload};
use super::{cases, encode, parsed};
use crate::event::jcs::jcs as canonical;
use crate::event::{Columns, Opening, Outline, Stamp, Wire, open_all};

proptest! {
    #![proptest_config(cases(20_000, 300))]

    #[test]
    fn the_bytes_are_what_another_encoder_makes_of_the_same_event(model in event()) {
        let event = builder(&model).build().unwrap();
        let encoded = encode(&event);
        let theirs = serde_json_canonicalizer::to_string(&committed(&model, &event)).unwrap();
        prop_assert_eq!(&encoded.canon, &theirs);
        prop_assert_eq!(Columns::of(theirs.as_bytes()).unwrap(), Columns::of_event(&event));
        // Read and written again by either encoder, nothing moves.
        let parsed = parsed(&encoded);
        prop_assert_eq!(&canonical(&parsed), &encoded.canon);
        prop_assert_eq!(&serde_json_canonicalizer::to_string(&parsed).unwrap(), &encoded.canon);
    }

    #[test]
    fn what_is_looked_up_in_parts_of_an_event_is_what_stands_in_the_whole(model in event()) {
        let encoded = encode(&builder(&model).build().unwrap());
        let (whole, canon) = (parsed(&encoded), encoded.canon.as_bytes());
        let names: Vec<_> = whole.as_object().unwrap().keys().collect();
        let (parts, wire) = (Outline::of(canon, &names), Wire::of(canon).unwrap());
        for pointer in whole["personal"].as_array().into_iter().flatten() {
            let pointer = pointer.as_str().unwrap();
            let at = parts.at(pointer).and_then(Outline::as_str);
            prop_assert_eq!(at, whole.pointer(pointer).and_then(Value::as_str), "{}", pointer);
        }
        let openings: Vec<_> = encoded.openings.iter().flat_map(|text| open_all(text).unwrap()).collect();
        prop_assert!(openings.iter().all(|opening| opening.opens(&whole)));
        prop_assert_eq!(wire.closed(&openings), Vec::<&Opening>::new());
        let (one, other) = (Stamp::of(canon).unwrap(), Stamp::of_outline(&wire.producer));
        let told = |stamp: Stamp| (stamp.boot, stamp.id, stamp.seq);
        let (one, other) = (told(one), other.map(told));
        prop_assert_eq!(other.as_ref().unwrap_or(&one), &one);
    }

    #[test]
    fn any_json_comes_back_from_its_bytes_but_for_numbers_that_became_text(value in payload()) {
        let bytes = canonical(&value);
        prop_assert_eq!(serde_json::from_str::<Value>(&bytes).unwrap(), normal(&value));
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_string(&normal(&value)).unwrap());
    }

    #[test]
    fn any_text_comes_back_from_its_bytes_control_characters_too(text in any::<Vec<char>>()) {
        let value = Value::String(String::from_iter(text));
        let bytes = canonical(&value);
        prop_assert_eq!(&serde_json::from_str::<Value>(&bytes).unwrap(), &value);
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_string(&value).unwrap());
    }
}

fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("AUDIT_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: AUDIT_VECTORS is not set");
    }
    Some(folder?.join("jcs-rfc8785/testdata"))
}

#[test]
fn the_vectors_of_rfc_8785_without_floats_come_out_to_the_byte() {
    let Some(folder) = vectors() else { return };
    for file in ["arrays.json", "french.json", "unicode.json", "weird.json"] {
        let input: Value =
            serde_json::from_slice(&fs::read(folder.join("input").join(file)).unwrap()).unwrap();
        let output = fs::read_to_string(folder.join("output").join(file)).unwrap();
        assert_eq!(canonical(&input), output, "{file}");
    }
}

#[test]
fn the_vectors_of_rfc_8785_with_floats_differ_in_the_numbers_alone() {
    let Some(folder) = vectors() else { return };
    for (file, ours) in [
        ("structures.json", vec!["\"56.0\""]),
        (
            "values.json",
            vec!["\"333333333.3333333\"", "\"1e+30\"", "\"4.5\"", "\"0.002\"", "\"1e-27\""],
        ),
    ] {
        let input: Value =
            serde_json::from_slice(&fs::read(folder.join("input").join(file)).unwrap()).unwrap();
        let output = fs::read_to_string(folder.join("output").join(file)).unwrap();
        let bytes = canonical(&input);
        let strings = ours.iter().filter(|number| bytes.contains(**number)).count();
        assert_eq!(strings, ours.len(), "{file}: {bytes}");
        assert_ne!(bytes, output, "{file}");
        let theirs = serde_json_canonicalizer::to_string(&normal(&input)).unwrap();
        assert_eq!(bytes, theirs, "{file}");
    }
}
