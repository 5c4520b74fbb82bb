//! The stream: its order, its end, and what goes on from it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::export::{Column, Export, Format};
use crate::store::{MemoryStore, Reader};
use crate::{Event, Query, Recorder};

async fn recorded(count: usize) -> Recorder {
    let recorder =
        Recorder::builder(MemoryStore::new()).origin("a.example/audit").start().await.unwrap();
    for number in 0..count {
        let event = Event::builder("invoice.approve").resource("invoice", number.to_string());
        match number + 1 == count {
            true => drop(recorder.record_durable(event).await.unwrap()),
            false => recorder.record(event).await,
        }
    }
    recorder
}

fn formats() -> [Format; 4] {
    let columns = Column::list("action,resource.id").unwrap();
    [Format::JsonLines, Format::Csv(columns), Format::Ocsf, Format::Ecs]
}

async fn all(export: &mut Export) -> Vec<u8> {
    let mut written = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        written.extend(chunk);
    }
    assert_eq!(export.next().await.unwrap(), None);
    written
}

#[tokio::test]
async fn it_ends_with_what_it_held() {
    let recorder = recorded(1_300).await;
    for format in formats() {
        let query = Query::new().action("invoice.approve");
        let plain = all(&mut Export::new(recorder.reader(), query.clone(), format.clone())).await;
        let mut export = Export::new(recorder.reader(), query, format.clone()).with_trailer();
        let whole = all(&mut export).await;
        let trailer = export.trailer();
        assert_eq!((trailer.entries, trailer.left_out), (1_300, 0));
        assert_eq!(trailer.sha256, hex::encode(Sha256::digest(&plain)));
        let last = whole.strip_prefix(&*plain).map(String::from_utf8_lossy).unwrap();
        if let Format::Csv(_) = format {
            let (sha256, next) = (&trailer.sha256, &trailer.next);
            let told = format!("# entries=1300 left_out=0 sha256={sha256} next={next},\r\n");
            assert_eq!(last, told);
            assert_eq!(plain.iter().filter(|byte| **byte == b'\n').count(), 1_301);
        } else {
            let told: Value = serde_json::from_str(&last).unwrap();
            assert_eq!(told["export"], serde_json::to_value(&trailer).unwrap());
            assert_eq!(told["export"]["next"], trailer.next.to_string());
            assert_eq!(plain.iter().filter(|byte| **byte == b'\n').count(), 1_300);
        }
    }
}

#[tokio::test]
async fn what_goes_on_from_a_chunk_can_be_put_behind_it() {
    let recorder = recorded(1_300).await;
    for format in formats() {
        let export = |query| Export::new(recorder.reader(), query, format.clone());
        let whole = all(&mut export(Query::new())).await;
        for chunks in 1..4 {
            let (mut first, mut written) = (export(Query::new()), Vec::new());
            for _ in 0..chunks {
                written.extend(first.next().await.unwrap().unwrap());
            }
            let here = first.trailer().next.to_string().parse().unwrap();
            drop(first);
            written.extend(all(&mut export(Query::new().cursor(here))).await);
            assert!(written == whole, "{format:?} after {chunks}");
        }
    }
}

#[tokio::test]
async fn an_empty_log_has_a_head_and_a_trailer() {
    let reader = Reader::new(MemoryStore::new());
    let format = Format::Csv(Column::list("action").unwrap());
    let mut export = Export::new(reader, Query::new(), format).with_trailer();
    let written = String::from_utf8(all(&mut export).await).unwrap();
    assert!(written.starts_with("action\r\n# entries=0 left_out=0 sha256="), "{written}");
}
