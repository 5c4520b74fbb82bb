//! The PostgreSQL side.

use std::str::FromStr as _;

use audit_core::store::{LogId, PostgresStore};
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgConnectOptions, PgConnection, PgRow, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Postgres as Wire, Row as _, Type,
    ValueRef as _,
};
use uuid::Uuid;

use crate::Failure;
use crate::database::Database;

const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
     WHERE attrelid = 'audit.entry'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

const SIZES: &str = "SELECT relname::text, pg_table_size(oid) FROM pg_class \
     WHERE relnamespace = 'audit'::regnamespace AND (relname ~ '^entry' OR relname ~ '^tile') \
     ORDER BY 2 DESC";

pub(crate) struct Postgres {
    store: PostgresStore,
    options: PgConnectOptions,
    home: PgConnectOptions,
    name: String,
}

/// A value in the bytes in which the server gave it.
#[derive(Clone)]
struct Raw {
    kind: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

/// Rows as one array for each column, and as they are; with the INSERT for each.
#[derive(Clone)]
pub(crate) struct Rows {
    by_unnest: String,
    arrays: Vec<Raw>,
    by_values: String,
    rows: Vec<Vec<Raw>>,
}

impl Postgres {
    async fn columns(connection: &mut PgConnection) -> Result<Vec<(String, String)>, Failure> {
        Ok(sqlx::query_as(COLUMNS).fetch_all(connection).await?)
    }
}

impl Database for Postgres {
    type Home = String;
    type Store = PostgresStore;
    type Rows = Rows;
    type Connection = PgConnection;

    const NAME: &'static str = "PostgreSQL";
    const WRITERS: &'static [usize] = &[1, 16];

    async fn make(url: &String) -> Result<Self, Failure> {
        let home = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let name = format!("audit_bench_{}", Uuid::from_bytes(rand::random()).simple());
        run(&mut home.connect().await?, format!("CREATE DATABASE {name}")).await?;
        let options = home.clone().database(&name).options([("synchronous_commit", "on")]);
        let store = PostgresStore::open_with(options.clone()).await?;
        Ok(Self { store, options, home, name })
    }

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn connect(&self) -> Result<PgConnection, Failure> {
        Ok(self.options.connect().await?)
    }

    async fn version(&self) -> Result<String, Failure> {
        let mut connection = self.connect().await?;
        let version: String =
            sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
        Ok(format!("PostgreSQL {version}"))
    }

    async fn make_floor(&self) -> Result<(), Failure> {
        let sql = "CREATE SCHEMA floor; CREATE TABLE floor.entry (LIKE audit.entry INCLUDING ALL)";
        run(&mut self.connect().await?, sql.to_owned()).await
    }

    async fn rows(&self, log: LogId, from: usize, count: usize) -> Result<Rows, Failure> {
        let mut connection = self.connect().await?;
        let columns = Self::columns(&mut connection).await?;
        let each = |text: &dyn Fn(usize, &str, &str) -> String| {
            let columns = columns.iter().enumerate();
            let texts = columns.map(|(n, (name, kind))| text(n + 1, name, kind));
            texts.collect::<Vec<_>>().join(", ")
        };
        // An array of arrays must be a rectangle, and lists of a row have any length: they go as texts.
        let is_list = |kind: &str| kind.ends_with("[]");
        let gathered = each(&|_, name, kind| match is_list(kind) {
            true => format!("array_agg({name}::text ORDER BY idx)"),
            false => format!("array_agg({name} ORDER BY idx)"),
        });
        let arrays = each(&|n, _, kind| match is_list(kind) {
            true => format!("${n}::text[]"),
            false => format!("${n}::{kind}[]"),
        });
        let cast = each(&|_, name, kind| match is_list(kind) {
            true => format!("{name}::{kind}"),
            false => name.to_owned(),
        });
        let names = each(&|_, name, _| name.to_owned());
        let places = each(&|n, _, _| format!("${n}"));
        let found = "FROM audit.entry WHERE log_id = $1 AND idx >= $2 AND idx < $2 + $3";
        let read = async |connection: &mut PgConnection, what: &str, order: &str| {
            let statement = format!("SELECT {what} {found} {order}");
            let query = sqlx::query(AssertSqlSafe(statement)).bind(log.0);
            let query = query.bind(i64::try_from(from)?).bind(i64::try_from(count)?);
            let rows = query.fetch_all(connection).await?;
            rows.iter().map(raw).collect::<Result<Vec<_>, Failure>>()
        };
        let gathered = read(&mut connection, &gathered, "").await?;
        Ok(Rows {
            by_unnest: format!(
                "INSERT INTO floor.entry ({names}) SELECT {cast} FROM UNNEST({arrays}) AS t ({names})"
            ),
            arrays: gathered.into_iter().next().ok_or("no row")?,
            by_values: format!("INSERT INTO floor.entry ({names}) VALUES ({places})"),
            rows: read(&mut connection, &names, "ORDER BY idx").await?,
        })
    }

    async fn insert(connection: &mut PgConnection, rows: Rows) -> Result<(), Failure> {
        let mut transaction = connection.begin().await?;
        let query = sqlx::query(AssertSqlSafe(rows.by_unnest));
        let query = rows.arrays.into_iter().fold(query, |query, array| query.bind(array));
        query.execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn insert_singly(mut connection: PgConnection, rows: Rows) -> Result<(), Failure> {
        for row in rows.rows {
            let query = sqlx::query(AssertSqlSafe(rows.by_values.clone()));
            let query = row.into_iter().fold(query, |query, value| query.bind(value));
            query.execute(&mut connection).await?;
        }
        Ok(())
    }

    async fn logged(&self) -> Result<Option<i64>, Failure> {
        let statement = "SELECT (pg_current_wal_lsn() - '0/0')::bigint";
        let mut connection = self.connect().await?;
        Ok(Some(sqlx::query_scalar(statement).fetch_one(&mut connection).await?))
    }

    async fn sizes(&self) -> Result<Vec<(String, i64)>, Failure> {
        Ok(sqlx::query_as(SIZES).fetch_all(&mut self.connect().await?).await?)
    }

    async fn remove(self) -> Result<(), Failure> {
        self.store.close().await;
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        run(&mut self.home.connect().await?, sql).await
    }
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

fn raw(row: &PgRow) -> Result<Vec<Raw>, Failure> {
    let value = |place| {
        let value = row.try_get_raw(place)?;
        let bytes = match value.is_null() {
            true => None,
            false => Some(value.as_bytes()?.to_vec()),
        };
        Ok(Raw { kind: value.type_info().into_owned(), bytes })
    };
    (0..row.len()).map(value).collect()
}

impl Type<Wire> for Raw {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("bytea")
    }
}

impl Encode<'_, Wire> for Raw {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else {
            return Ok(IsNull::Yes);
        };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.kind.clone())
    }
}
