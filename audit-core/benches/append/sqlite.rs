//! The SQLite side.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_core::store::{LogId, SqliteStore};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, TypeInfo as _, Value as _,
    ValueRef as _,
};
use tempfile::TempDir;

use crate::Failure;
use crate::database::{Database, folder};

/// The tables of an append that grow with the log's entries.
const TABLES: [&str; 2] = ["audit_entry", "audit_term"];

/// Values that one INSERT binds, about: 250 entries.
const VALUES: usize = 3_750;

pub(crate) struct Sqlite {
    store: SqliteStore,
    folder: TempDir,
}

#[derive(Clone)]
enum Cell {
    Null,
    Integer(i64),
    Text(Arc<str>),
    Blob(Vec<u8>),
}

#[derive(Clone)]
pub(crate) struct Rows(Vec<(&'static str, Vec<Vec<Cell>>)>);

impl Sqlite {
    fn options(&self, file: &str) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.folder.path().join(file))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-16384")
            .pragma("wal_autocheckpoint", "16384")
            .disable_statement_logging()
    }
}

impl Database for Sqlite {
    type Home = ();
    type Store = SqliteStore;
    type Rows = Rows;
    type Connection = SqliteConnection;

    const NAME: &'static str = "SQLite";
    const WRITERS: &'static [usize] = &[1];

    async fn make((): &()) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(folder())?;
        let file = folder.path().join("log.db");
        let store = SqliteStore::open(file.to_str().ok_or("the folder's name is no text")?).await?;
        Ok(Self { store, folder })
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// The floor's tables are in a file of their own, with a write-ahead log of its own.
    async fn connect(&self) -> Result<SqliteConnection, Failure> {
        Ok(self.options("floor.db").connect().await?)
    }

    async fn version(&self) -> Result<String, Failure> {
        let mut connection = self.options("floor.db").connect().await?;
        let version: String =
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await?;
        Ok(format!("SQLite {version}"))
    }

    async fn make_floor(&self) -> Result<(), Failure> {
        let mut log = self.options("log.db").connect().await?;
        let statement = "SELECT sql FROM sqlite_schema WHERE type IN ('table', 'index') \
                         AND tbl_name IN (?, ?) AND sql IS NOT NULL ORDER BY type DESC";
        let query = sqlx::query_scalar(statement).bind(TABLES[0]).bind(TABLES[1]);
        let definitions: Vec<String> = query.fetch_all(&mut log).await?;
        let mut floor = self.options("floor.db").connect().await?;
        for definition in definitions {
            sqlx::raw_sql(AssertSqlSafe(definition)).execute(&mut floor).await?;
        }
        Ok(())
    }

    async fn rows(&self, log: LogId, from: usize, count: usize) -> Result<Rows, Failure> {
        let mut connection = self.options("log.db").read_only(true).connect().await?;
        let mut tables = Vec::new();
        for table in TABLES {
            let statement =
                format!("SELECT * FROM {table} WHERE log_id = ? AND idx >= ? AND idx < ? + ?");
            let query = sqlx::query(AssertSqlSafe(statement)).bind(log.0);
            let (from, count) = (i64::try_from(from)?, i64::try_from(count)?);
            let query = query.bind(from).bind(from).bind(count);
            let rows = query.fetch_all(&mut connection).await?;
            tables.push((table, rows.iter().map(cells).collect::<Result<_, _>>()?));
        }
        Ok(Rows(tables))
    }

    async fn insert(connection: &mut SqliteConnection, rows: Rows) -> Result<(), Failure> {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        for (table, mut rows) in rows.0 {
            let width = rows.first().map_or(1, Vec::len);
            while !rows.is_empty() {
                let piece: Vec<_> = rows.drain(..rows.len().min(VALUES / width)).collect();
                insert(&mut transaction, table, piece).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    async fn insert_singly(mut connection: SqliteConnection, rows: Rows) -> Result<(), Failure> {
        let [(entries, rows), (terms, of_rows)] =
            <[_; 2]>::try_from(rows.0).map_err(|_| "two tables")?;
        let mut of_rows = of_each(of_rows)?;
        for row in rows {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            insert(&mut transaction, entries, vec![row]).await?;
            let (_, own) = of_rows.pop_first().ok_or("an entry without terms")?;
            insert(&mut transaction, terms, own).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    async fn logged(&self) -> Result<Option<i64>, Failure> {
        Ok(None)
    }

    async fn sizes(&self) -> Result<Vec<(String, i64)>, Failure> {
        let mut connection = self.options("log.db").read_only(true).connect().await?;
        let statement = "SELECT name, sum(pgsize) FROM dbstat WHERE name LIKE '%audit_entry%' \
                         OR name LIKE '%audit_term%' OR name LIKE '%audit_tile%' \
                         GROUP BY name ORDER BY 2 DESC";
        Ok(sqlx::query_as(statement).fetch_all(&mut connection).await?)
    }

    async fn remove(self) -> Result<(), Failure> {
        self.store.close().await;
        Ok(self.folder.close()?)
    }
}

/// The rows of `audit_term` as appends of single entries would have written them, by the index of the entry.
fn of_each(terms: Vec<Vec<Cell>>) -> Result<BTreeMap<i64, Vec<Vec<Cell>>>, Failure> {
    let mut each = BTreeMap::<_, Vec<_>>::new();
    for row in terms {
        let [log, seg, term, Cell::Integer(first), Cell::Integer(others)] = &row[..] else {
            return Err("audit_term has other columns".into());
        };
        for behind in (0..64).filter(|bit| *bit == 0 || others >> (bit - 1) & 1 == 1) {
            let index = first + behind;
            let own = [log, seg, term, &Cell::Integer(index), &Cell::Integer(0)];
            each.entry(index).or_default().push(own.map(Clone::clone).to_vec());
        }
    }
    Ok(each)
}

async fn insert(
    connection: &mut SqliteConnection,
    table: &str,
    rows: Vec<Vec<Cell>>,
) -> Result<(), Failure> {
    let Some(width) = rows.first().map(Vec::len) else {
        return Ok(());
    };
    let row = format!("({})", vec!["?"; width].join(","));
    let statement = format!("INSERT INTO {table} VALUES {}", vec![row; rows.len()].join(","));
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for cell in rows.into_iter().flatten() {
        query = match cell {
            Cell::Null => query.bind(None::<i64>),
            Cell::Integer(value) => query.bind(value),
            Cell::Text(value) => query.bind(value),
            Cell::Blob(value) => query.bind(value),
        };
    }
    query.execute(connection).await?;
    Ok(())
}

fn cells(row: &SqliteRow) -> Result<Vec<Cell>, Failure> {
    let cell = |place| {
        let value = row.try_get_raw(place)?.to_owned();
        Ok(match value.type_info().name() {
            "NULL" => Cell::Null,
            "INTEGER" => Cell::Integer(value.try_decode()?),
            "TEXT" => Cell::Text(value.try_decode::<String>()?.into()),
            "BLOB" => Cell::Blob(value.try_decode()?),
            other => return Err(format!("a column of type {other}").into()),
        })
    };
    (0..row.len()).map(cell).collect()
}
