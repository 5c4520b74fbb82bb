//! Entries for taking away.

use std::collections::BTreeSet;

use audit_core::Cursor;
use audit_core::export::{Column, Export, Format};
use audit_core::follow::FollowError;
use audit_core::store::Reader;
use axum::body::Body;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::try_unfold;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::access::Right;
use super::asker::Asker;
use super::failed::{self, Refusals};
use super::parameters::{Valid, invalid, parsed};
use crate::problem::Problem;

/// What is taken away, and how it is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A query in the search language; without it, everything.
    #[serde(default)]
    q: String,
    /// How entries are written. All but `csv` take the right to sensitive values.
    #[serde(default)]
    #[param(inline)]
    format: Written,
    /// The columns of `csv`, with commas between them: fields of the search language, `log`, `index`, `leaf_hash`, `recorded_at`,
    /// `occurred_at`, `ip`, or JSON pointers. Up to 100, each once.
    columns: Option<String>,
    /// Whether personal values are written as well, as far as they have not been erased. It takes the right to sensitive values.
    #[serde(default)]
    personal: bool,
    /// Where another export of the same query ended: the `next` of its last line.
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Written {
    #[default]
    Csv,
    Jsonl,
    Ocsf,
    Ecs,
}

impl Written {
    fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
        }
    }

    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl | Self::Ocsf | Self::Ecs => "application/jsonl",
        })
    }

    fn file(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "attachment; filename=\"audit.csv\"",
            Self::Jsonl | Self::Ocsf | Self::Ecs => "attachment; filename=\"audit.jsonl\"",
        })
    }
}

/// Most columns of `csv`: each is held once more for each of the entries that are read at once.
const MAX_COLUMNS: usize = 100;

impl Wanted {
    /// What is asked for, with how much of each entry is taken away.
    fn told(&self, query: &audit_core::Query) -> String {
        let format = self.format.as_str();
        let columns = self.columns.as_ref().map(|columns| format!(" columns={columns}"));
        let personal = if self.personal { " personal=true" } else { "" };
        let how = format!("(format={format}{personal}{})", columns.unwrap_or_default());
        format!("{query} {how}").trim_start().to_owned()
    }

    /// The format, if whoever asks may see what stands in it.
    fn format(&self, asker: &Asker) -> Result<Format, Problem> {
        if self.columns.is_some() && self.format != Written::Csv {
            return Err(invalid("`columns` is for `csv`."));
        }
        let sees_all = asker.sees_all();
        if !sees_all && (self.personal || self.format != Written::Csv) {
            let detail =
                "Personal values, and formats other than `csv`, take the right `sensitive`.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "Not allowed", detail));
        }
        Ok(match self.format {
            Written::Csv => Format::Csv(match &self.columns {
                Some(columns) => {
                    let columns = Column::list(columns);
                    let columns = columns.map_err(|why| invalid(format!("`columns`: {why}.")))?;
                    let names: BTreeSet<_> = columns.iter().map(ToString::to_string).collect();
                    if names.len() < columns.len() || columns.len() > MAX_COLUMNS {
                        let why = format!("`columns` are up to {MAX_COLUMNS}, each once.");
                        return Err(invalid(why));
                    }
                    if let Some(hidden) = columns.iter().find(|it| !sees_all && !it.is_public()) {
                        return Err(failed::hidden(&hidden.to_string()));
                    }
                    columns
                }
                None => {
                    let columns = Column::default_set(self.personal).into_iter();
                    columns.filter(|column| sees_all || column.is_public()).collect()
                }
            }),
            Written::Jsonl => Format::JsonLines,
            Written::Ocsf => Format::Ocsf,
            Written::Ecs => Format::Ecs,
        })
    }
}

/// All entries that a query finds, oldest first
///
/// Up to where the logs end now, as one stream. The last line is no entry: how many there were, the SHA-256 of what came before it, and
/// `next`, from which another export goes on. An answer without that line was cut off.
#[utoipa::path(
    get, path = "/export", tag = "entries", params(Wanted),
    responses(
        (status = 200, description = "Entries", content((String = "text/csv"), (String = "application/jsonl"))),
        Refusals,
    ),
)]
pub(super) async fn export(
    asker: Asker,
    Valid(Query(wanted)): Valid<Query<Wanted>>,
) -> Result<Response, Problem> {
    let query = parsed(&wanted.q)?.oldest_first();
    let what = wanted.told(&query);
    let cursor = wanted.cursor.as_deref().map(str::parse::<Cursor>).transpose();
    let cursor = cursor.map_err(|why| invalid(format!("`cursor`: {why}.")))?;
    let query = cursor.into_iter().fold(query, audit_core::Query::cursor);
    let begin = async |reader: Reader| {
        let format = wanted.format(&asker)?;
        // What is wrong with the query is better told now.
        reader.search(&query.clone().limit(1)).await.map_err(failed::search)?;
        let export = Export::new(reader, query, format).with_trailer();
        Ok(if wanted.personal { export.with_personal() } else { export })
    };
    let export = asker.reads(Right::Export, "audit.log.export", &what, begin).await?;
    let chunks = try_unfold(export, async |mut export| {
        let chunk = next(&mut export).await?;
        Ok::<_, FollowError>(chunk.map(|chunk| (chunk, export)))
    });
    let headers = [
        (header::CONTENT_TYPE, wanted.format.media_type()),
        (header::CONTENT_DISPOSITION, wanted.format.file()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The next bytes, of which there are some.
async fn next(export: &mut Export) -> Result<Option<Bytes>, FollowError> {
    loop {
        match export.next().await {
            Ok(Some(chunk)) if chunk.is_empty() => {}
            Ok(chunk) => return Ok(chunk.map(Bytes::from)),
            // They are counted in the last line.
            Err(FollowError::Damaged { .. }) => {}
            Err(error) => {
                failed::inside(&error);
                return Err(error);
            }
        }
    }
}
