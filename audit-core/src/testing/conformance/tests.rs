//! The suite on our own stores.

use crate::store::MemoryStore;
#[cfg(feature = "postgres")]
use crate::store::postgres::tests::new_store as new_postgres;
#[cfg(feature = "sqlite")]
use crate::store::sqlite::tests::new_store as new_sqlite;
use crate::testing::store_conformance;

store_conformance!(memory, async { Some((MemoryStore::new(), ())) });
#[cfg(feature = "sqlite")]
store_conformance!(sqlite, async { Some(new_sqlite().await) });
#[cfg(feature = "postgres")]
store_conformance!(postgres, new_postgres());
