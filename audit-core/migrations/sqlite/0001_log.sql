-- The log: heads, entries, tiles, and what was set aside. Times are microseconds since 1970, UTC.
-- There is no foreign key: nothing that happens to another table may reach the evidence.

-- The id of a log is a hash of its origin.
CREATE TABLE audit_log (
    log_id      INTEGER PRIMARY KEY,
    origin      TEXT    NOT NULL,
    class       TEXT    NOT NULL,
    size        INTEGER NOT NULL CHECK (size >= 0),
    root        BLOB    NOT NULL CHECK (length(root) = 32),
    frontier    BLOB    NOT NULL CHECK (length(frontier) % 32 = 0),
    min_index   INTEGER NOT NULL CHECK (min_index >= 0 AND min_index % 256 = 0),
    state       TEXT    NOT NULL CHECK (state IN ('open', 'frozen', 'quarantined')),
    recorded_at INTEGER
) STRICT;

-- A row is in the log if and only if its index is below the head's size. The columns from `occurred_at`
-- to `terms` are an index over `canon`, which alone is what was hashed. Terms are 12 bytes each, sorted, one
-- behind the other.
CREATE TABLE audit_entry (
    log_id        INTEGER NOT NULL CHECK (rowid > 0),
    idx           INTEGER NOT NULL CHECK (idx >= 0),
    seg           INTEGER NOT NULL,
    event_id      BLOB    NOT NULL CHECK (length(event_id) = 16),
    canon         TEXT    NOT NULL CHECK (length(CAST(canon AS BLOB)) <= 65535),
    leaf          BLOB    NOT NULL CHECK (length(leaf) = 32),
    recorded_at   INTEGER NOT NULL,
    occurred_at   INTEGER NOT NULL,
    action        TEXT    NOT NULL,
    actor         TEXT,
    resource_type TEXT,
    resource_id   TEXT,
    terms         BLOB    NOT NULL CHECK (length(terms) % 12 = 0),
    openings      TEXT,
    ip            BLOB CHECK (length(ip) = 16),
    PRIMARY KEY (log_id, idx),
    UNIQUE (log_id, event_id)
) STRICT;

-- Both search indexes begin with the segment, so that an insert touches the pages of the newest one
-- only, and have the index in the log at their end, so that newest first needs no sorting. This one is for addresses and networks.
CREATE INDEX audit_entry_ip ON audit_entry (log_id, seg, ip, idx) WHERE ip IS NOT NULL;

-- Where each term stands, and the terms of actor and resource: an index over what else is looked up. A row is for up to
-- 64 entries of one append and one tile: the first that has the term, and of the 63 behind it those whose bit is set, the
-- lowest for the next one. So no two rows of a term interleave, and entries can go by tiles with their rows.
CREATE TABLE audit_term (
    log_id INTEGER NOT NULL,
    seg    INTEGER NOT NULL,
    term   BLOB    NOT NULL,
    idx    INTEGER NOT NULL CHECK (idx >= 0),
    others INTEGER NOT NULL CHECK (others >= 0),
    PRIMARY KEY (log_id, seg, term, idx, others)
) STRICT, WITHOUT ROWID;

-- Bounds of `occurred_at` in each segment.
CREATE TABLE audit_segment (
    log_id   INTEGER NOT NULL,
    seg      INTEGER NOT NULL,
    earliest INTEGER NOT NULL,
    latest   INTEGER NOT NULL,
    PRIMARY KEY (log_id, seg)
) STRICT, WITHOUT ROWID;

-- Full tiles of the tree: 256 hashes each, and the root over them, of which the tile above is made. The root stands
-- before the data, so that reading it takes no page of these.
CREATE TABLE audit_tile (
    log_id INTEGER NOT NULL CHECK (rowid > 0),
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    root   BLOB    NOT NULL CHECK (length(root) = 32),
    data   BLOB    NOT NULL CHECK (length(data) = 8192),
    PRIMARY KEY (log_id, level, n)
) STRICT;

-- Events written in a transaction of the application's, on their way into their logs. No event of a
-- recorder's can be refused here: what is wrong with one is found when it is moved.
CREATE TABLE audit_outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    log_id   INTEGER NOT NULL,
    origin   TEXT    NOT NULL CHECK (length(CAST(origin AS BLOB)) <= 600),
    class    TEXT    NOT NULL CHECK (length(CAST(class AS BLOB)) <= 64),
    event_id BLOB    NOT NULL CHECK (length(event_id) = 16),
    canon    TEXT    NOT NULL CHECK (length(CAST(canon AS BLOB)) <= 65535),
    openings TEXT    CHECK (length(CAST(openings AS BLOB)) <= 65535)
) STRICT;

-- Events that the tables above refused.
CREATE TABLE audit_rejected (
    id       INTEGER PRIMARY KEY CHECK (id > 0),
    log_id   INTEGER NOT NULL,
    event_id BLOB    NOT NULL,
    canon    TEXT    NOT NULL,
    openings TEXT,
    reason   TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- What was signed of a log, as it was published. It proves nothing by itself: whoever can write here is whom a
-- signature is to be believed against. Of several notes of one size the last one counts: it has more signatures.
CREATE TABLE audit_checkpoint (
    id        INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    log_id    INTEGER NOT NULL,
    size      INTEGER NOT NULL CHECK (size >= 0),
    root      BLOB    NOT NULL CHECK (length(root) = 32),
    note      TEXT    NOT NULL CHECK (length(CAST(note AS BLOB)) <= 1000000),
    signed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_checkpoint_size ON audit_checkpoint (log_id, size, id);

-- Where checkpoints were brought, so that whoever looks for them knows where. The last one of a place counts.
CREATE TABLE audit_anchor (
    id     INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    log_id INTEGER NOT NULL,
    place  TEXT    NOT NULL CHECK (length(CAST(place AS BLOB)) <= 2000),
    size   INTEGER NOT NULL CHECK (size >= 0),
    root   BLOB    NOT NULL CHECK (length(root) = 32),
    at     INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_anchor_place ON audit_anchor (log_id, place, id);

-- Which signer acts on a log, and until when.
CREATE TABLE audit_lease (
    log_id INTEGER PRIMARY KEY,
    holder TEXT    NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

-- Append-only. `INSERT OR REPLACE` removes the row in its way without firing a trigger of DELETE, so
-- the triggers of INSERT refuse what would be in the way, by any key or by the hidden row id. As long as SQLite has not found
-- this id, it may be a number below 1 here: a row that has such a one, which the tables refuse, would be in the way of all.

CREATE TRIGGER audit_entry_insert BEFORE INSERT ON audit_entry
WHEN EXISTS (SELECT 1 FROM audit_log WHERE log_id = NEW.log_id AND size > NEW.idx)
    OR EXISTS (SELECT 1 FROM audit_entry WHERE log_id = NEW.log_id AND event_id = NEW.event_id)
    OR NEW.rowid > 0 AND EXISTS (SELECT 1 FROM audit_entry WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'audit_entry is append-only: this index or event id is taken');
END;

CREATE TRIGGER audit_entry_update BEFORE UPDATE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit_entry is append-only: entries are not changed');
END;

CREATE TRIGGER audit_entry_delete BEFORE DELETE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit_entry is append-only: entries are not removed');
END;

-- A row of `audit_term` is nothing but its key: what replaces it is the same.
CREATE TRIGGER audit_term_update BEFORE UPDATE ON audit_term
BEGIN
    SELECT RAISE(ABORT, 'audit_term is append-only: terms are not changed');
END;

CREATE TRIGGER audit_term_delete BEFORE DELETE ON audit_term
BEGIN
    SELECT RAISE(ABORT, 'audit_term is append-only: terms are not removed');
END;

-- What somebody wrote where the log has not come to yet is in nobody's way: an append replaces it.
CREATE TRIGGER audit_tile_insert BEFORE INSERT ON audit_tile
WHEN EXISTS (SELECT 1 FROM audit_tile JOIN audit_log USING (log_id)
        WHERE log_id = NEW.log_id AND level = NEW.level AND n = NEW.n AND n < size >> 8 * (level + 1))
    OR NEW.rowid > 0 AND EXISTS (SELECT 1 FROM audit_tile WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'audit_tile is append-only: this tile is there already');
END;

CREATE TRIGGER audit_tile_update BEFORE UPDATE ON audit_tile
BEGIN
    SELECT RAISE(ABORT, 'audit_tile is append-only: tiles are not changed');
END;

CREATE TRIGGER audit_tile_delete BEFORE DELETE ON audit_tile
BEGIN
    SELECT RAISE(ABORT, 'audit_tile is append-only: tiles are not removed');
END;

CREATE TRIGGER audit_outbox_insert BEFORE INSERT ON audit_outbox
WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM audit_outbox WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_outbox: this id is taken');
END;

CREATE TRIGGER audit_outbox_update BEFORE UPDATE ON audit_outbox
BEGIN
    SELECT RAISE(ABORT, 'audit_outbox: events are not changed');
END;

CREATE TRIGGER audit_rejected_insert BEFORE INSERT ON audit_rejected
WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM audit_rejected WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_rejected is append-only: this id is taken');
END;

CREATE TRIGGER audit_rejected_update BEFORE UPDATE ON audit_rejected
BEGIN
    SELECT RAISE(ABORT, 'audit_rejected is append-only: rows are not changed');
END;

CREATE TRIGGER audit_rejected_delete BEFORE DELETE ON audit_rejected
BEGIN
    SELECT RAISE(ABORT, 'audit_rejected is append-only: rows are not removed');
END;

CREATE TRIGGER audit_checkpoint_insert BEFORE INSERT ON audit_checkpoint
WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM audit_checkpoint WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only: this id is taken');
END;

CREATE TRIGGER audit_checkpoint_update BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only: checkpoints are not changed');
END;

CREATE TRIGGER audit_checkpoint_delete BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only: checkpoints are not removed');
END;

CREATE TRIGGER audit_anchor_insert BEFORE INSERT ON audit_anchor
WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM audit_anchor WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_anchor is append-only: this id is taken');
END;

CREATE TRIGGER audit_anchor_update BEFORE UPDATE ON audit_anchor
BEGIN
    SELECT RAISE(ABORT, 'audit_anchor is append-only: anchors are not changed');
END;

CREATE TRIGGER audit_anchor_delete BEFORE DELETE ON audit_anchor
BEGIN
    SELECT RAISE(ABORT, 'audit_anchor is append-only: anchors are not removed');
END;

CREATE TRIGGER audit_segment_insert BEFORE INSERT ON audit_segment
WHEN EXISTS (SELECT 1 FROM audit_segment WHERE log_id = NEW.log_id AND seg = NEW.seg)
BEGIN
    SELECT RAISE(ABORT, 'audit_segment only widens: this segment is there already');
END;

CREATE TRIGGER audit_segment_update BEFORE UPDATE ON audit_segment
WHEN NEW.log_id IS NOT OLD.log_id OR NEW.seg IS NOT OLD.seg
    OR NEW.earliest > OLD.earliest OR NEW.latest < OLD.latest
BEGIN
    SELECT RAISE(ABORT, 'audit_segment only widens: bounds do not come closer');
END;

CREATE TRIGGER audit_segment_delete BEFORE DELETE ON audit_segment
BEGIN
    SELECT RAISE(ABORT, 'audit_segment only widens: segments are not removed');
END;

CREATE TRIGGER audit_log_insert BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE log_id = NEW.log_id)
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only: this log is there already');
END;

CREATE TRIGGER audit_log_names BEFORE UPDATE ON audit_log
WHEN NEW.log_id IS NOT OLD.log_id OR NEW.origin IS NOT OLD.origin OR NEW.class IS NOT OLD.class
BEGIN
    SELECT RAISE(ABORT, 'audit_log: id, origin and class of a log do not change');
END;

CREATE TRIGGER audit_log_state BEFORE UPDATE ON audit_log
WHEN NEW.state IS NOT OLD.state AND (OLD.state = 'frozen' OR NEW.state = 'open')
BEGIN
    SELECT RAISE(ABORT, 'audit_log: a log that is closed is not opened again');
END;

CREATE TRIGGER audit_log_closed BEFORE UPDATE ON audit_log
WHEN NEW.size IS NOT OLD.size AND OLD.state IS NOT 'open'
BEGIN
    SELECT RAISE(ABORT, 'audit_log: a log that is closed takes no entries');
END;

CREATE TRIGGER audit_log_advance BEFORE UPDATE ON audit_log
WHEN NEW.size < OLD.size OR NEW.min_index IS NOT OLD.min_index OR NEW.recorded_at < OLD.recorded_at
    OR (NEW.size = OLD.size AND (NEW.root IS NOT OLD.root OR NEW.frontier IS NOT OLD.frontier))
BEGIN
    SELECT RAISE(ABORT, 'audit_log: a head only advances');
END;

CREATE TRIGGER audit_log_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log: logs are not removed');
END;
