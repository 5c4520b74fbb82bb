//! The log over HTTP: what those who ask are answered, and what they are not.
#![cfg(test)]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

#[path = "api/app.rs"]
mod app;
#[path = "api/documents.rs"]
mod documents;
#[path = "api/export.rs"]
mod export;
#[path = "api/integrity.rs"]
mod integrity;
#[path = "api/pages.rs"]
mod pages;
#[path = "api/reading.rs"]
mod reading;
#[path = "api/scope.rs"]
mod scope;
#[path = "api/tail.rs"]
mod tail;
