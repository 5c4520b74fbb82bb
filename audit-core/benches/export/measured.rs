//! One measurement.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::Command;
use std::str::FromStr;
use std::time::Instant;

use audit_core::Query;
use audit_core::export::{Column, Export, Format};
use audit_core::store::{LogId, PostgresStore, Reader, SqliteStore};
use tempfile::NamedTempFile;

use crate::Failure;
use crate::made::LOG;
use crate::turns::{self, Measured};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The columns of who does not choose, of which `psql` takes most out of the bytes.
    Default,
    PsqlDefault,
    /// Only columns that the table has.
    Beside,
    PsqlBeside,
    /// The canonical bytes.
    Lines,
    PsqlLines,
}

const BESIDE: &str =
    "index,recorded_at,occurred_at,id,action,actor,resource.type,resource.id,leaf_hash";

const PSQL_BESIDE: &str = "idx, recorded_at, occurred_at, event_id, action, actor, resource_type, resource_id, encode(leaf, 'hex')";

/// As `Column::default_set` has them.
const PSQL_DEFAULT: &str = "'bench.example/audit/standard', idx, recorded_at, occurred_at, event_id, action, event->>'outcome', \
     event->>'severity', event->>'category', event->>'tenant', event#>>'{actor,kind}', actor, resource_type, resource_id, \
     event->>'reason', event#>>'{error,code}', event#>>'{error,kind}', event->>'duration_us', event#>>'{source,system}', \
     event#>>'{source,service}', event#>>'{request,id}', event#>>'{request,correlation_id}', event#>>'{request,trace_id}', \
     event#>>'{request,method}', event#>>'{request,route}', event#>>'{request,status}', encode(leaf, 'hex')";

impl What {
    pub(crate) const ALL: [Self; 6] = [
        Self::Default,
        Self::PsqlDefault,
        Self::Beside,
        Self::PsqlBeside,
        Self::Lines,
        Self::PsqlLines,
    ];

    pub(crate) const fn is_psql(self) -> bool {
        matches!(self, Self::PsqlDefault | Self::PsqlBeside | Self::PsqlLines)
    }
}

impl turns::What for What {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "CSV, default columns",
            Self::PsqlDefault => "psql COPY, default columns",
            Self::Beside => "CSV, columns of the table",
            Self::PsqlBeside => "psql COPY, columns of the table",
            Self::Lines => "JSON lines",
            Self::PsqlLines => "psql COPY, canonical bytes",
        }
    }

    fn beside(self) -> Self {
        match self {
            Self::Default | Self::PsqlDefault => Self::PsqlDefault,
            Self::Beside | Self::PsqlBeside => Self::PsqlBeside,
            Self::Lines | Self::PsqlLines => Self::PsqlLines,
        }
    }
}

pub(crate) async fn measure(what: What, url: &str) -> Result<Measured, Failure> {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let begun = Instant::now();
    let rows = match what {
        What::Default => {
            exported(url, Format::Csv(Column::default_set(false)), file.reopen()?).await?
        }
        What::Beside => exported(url, Format::Csv(Column::list(BESIDE)?), file.reopen()?).await?,
        What::Lines => exported(url, Format::JsonLines, file.reopen()?).await?,
        What::PsqlDefault => copied(url, PSQL_DEFAULT, file.reopen()?)?,
        What::PsqlBeside => copied(url, PSQL_BESIDE, file.reopen()?)?,
        What::PsqlLines => copied(url, "canon", file.reopen()?)?,
    };
    Measured::since(begun, rows, file.as_file().metadata()?.len())
}

async fn exported(url: &str, format: Format, file: File) -> Result<u64, Failure> {
    let reader = match url.starts_with("sqlite:") {
        true => Reader::new(SqliteStore::open_existing(url).await?),
        false => Reader::new(PostgresStore::open_existing(url).await?),
    };
    let mut export = Export::new(reader, Query::new(), format).with_trailer();
    let mut file = BufWriter::new(file);
    while let Some(chunk) = export.next().await? {
        file.write_all(&chunk)?;
    }
    file.flush()?;
    Ok(export.trailer().entries)
}

/// As who has `psql` does it: `COPY .. TO STDOUT CSV`, into a file.
fn copied(url: &str, columns: &str, file: File) -> Result<u64, Failure> {
    let format = if columns == "canon" { "TEXT" } else { "CSV" };
    let log = LogId::of(LOG).0;
    // The offset lets each text be parsed once, not for each column again.
    let from = match columns {
        PSQL_DEFAULT => format!(
            "(SELECT *, canon::jsonb AS event FROM audit.entry WHERE log_id = {log} ORDER BY idx OFFSET 0) entry"
        ),
        _ => format!("audit.entry WHERE log_id = {log} ORDER BY idx"),
    };
    let sql = format!("COPY (SELECT {columns} FROM {from}) TO STDOUT (FORMAT {format})");
    let mut psql = Command::new("psql");
    let done =
        psql.args(["--no-psqlrc", "--quiet", "--command", &sql, url]).stdout(file).status()?;
    if !done.success() {
        return Err("psql has failed".into());
    }
    let count = format!("SELECT size FROM audit.log WHERE log_id = {log}");
    let told = Command::new("psql").args(["-XAtqc", &count, url]).output()?;
    Ok(String::from_utf8(told.stdout)?.trim().parse()?)
}

impl FromStr for What {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|what| turns::What::name(*what) == name);
        found.ok_or_else(|| format!("`{name}` is not measured"))
    }
}
