CREATE TABLE IF NOT EXISTS users (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL
) STRICT;

-- AUTOINCREMENT: the id of a deleted invoice is not given to another, or the audit log would mix them up.
CREATE TABLE IF NOT EXISTS invoices (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT    NOT NULL,
    amount   INTEGER NOT NULL,
    status   TEXT    NOT NULL DEFAULT 'draft'
) STRICT;
