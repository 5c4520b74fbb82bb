//! On PostgreSQL.

mod conflicts;
mod processes;

use crate::postgres_database as database;

#[tokio::test]
async fn four_processes_with_four_tasks_each_write_one_dense_log_though_one_is_killed() {
    processes::one_log_though_one_is_killed(4).await;
}
