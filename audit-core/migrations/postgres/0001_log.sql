-- The log: heads, entries, tiles, and what was set aside. The schema is there already.
-- There is no foreign key: nothing that happens to another table may reach the evidence. Every key begins
-- with the log, so that all tables can be distributed by `log_id`. Its id is a hash of its origin.

CREATE TABLE audit.log (
    log_id      bigint PRIMARY KEY,
    origin      text   NOT NULL,
    class       text   NOT NULL,
    size        bigint NOT NULL CHECK (size >= 0),
    root        bytea  NOT NULL CHECK (octet_length(root) = 32),
    frontier    bytea  NOT NULL CHECK (octet_length(frontier) % 32 = 0),
    min_index   bigint NOT NULL CHECK (min_index >= 0 AND min_index % 256 = 0),
    state       text   NOT NULL CHECK (state IN ('open', 'frozen', 'quarantined')),
    recorded_at timestamptz
) WITH (fillfactor = 10); -- a head is written with every append: its next version fits on the same page

-- A row is in the log if and only if its index is below the head's size. The columns from `occurred_at`
-- to `terms` are an index over `canon`, which alone is what was hashed. A term here is 16 bytes: the segment
-- in 4, big-endian, and the 12 of the term, the first 8 of them XORed with the log's id. So neither another
-- segment nor another log of this database has the same, and inserts stay among the terms of the newest.
CREATE TABLE audit.entry (
    log_id        bigint      NOT NULL,
    idx           bigint      NOT NULL CHECK (idx >= 0),
    seg           integer     NOT NULL,
    event_id      uuid        NOT NULL,
    canon         text        NOT NULL CHECK (octet_length(canon) <= 65535),
    leaf          bytea       NOT NULL CHECK (octet_length(leaf) = 32),
    recorded_at   timestamptz NOT NULL,
    occurred_at   timestamptz NOT NULL,
    action        text        NOT NULL,
    actor         text,
    resource_type text,
    resource_id   text,
    terms         uuid[]      NOT NULL,
    openings      text,
    ip            bytea CHECK (octet_length(ip) = 16),
    PRIMARY KEY (log_id, idx),
    UNIQUE (log_id, event_id)
);

-- Every search index begins with the segment, so that an insert touches the pages of the newest one
-- only, and ends with the index in the log, so that newest first needs no sorting.
CREATE INDEX entry_actor ON audit.entry (log_id, seg, actor, idx) WHERE actor IS NOT NULL;
CREATE INDEX entry_action ON audit.entry (log_id, seg, action, idx);
CREATE INDEX entry_resource ON audit.entry (log_id, seg, resource_type, resource_id, idx)
    WHERE resource_id IS NOT NULL;
CREATE INDEX entry_ip ON audit.entry (log_id, seg, ip, idx) WHERE ip IS NOT NULL;

-- For all that is looked up more rarely. Each b-tree for one of its members would cost every insert more
-- than this one does for all; what comes in waits in a list and is sorted in 512 KiB at a time.
CREATE INDEX entry_terms ON audit.entry USING gin (terms)
    WITH (fastupdate = on, gin_pending_list_limit = 512);

-- Bounds of `occurred_at` in each segment.
CREATE TABLE audit.segment (
    log_id   bigint      NOT NULL,
    seg      integer     NOT NULL,
    earliest timestamptz NOT NULL,
    latest   timestamptz NOT NULL,
    PRIMARY KEY (log_id, seg)
) WITH (fillfactor = 50);

-- Full tiles of the tree: 256 hashes each, which do not compress, and the root over them, of which the tile above is made.
CREATE TABLE audit.tile (
    log_id bigint  NOT NULL,
    level  integer NOT NULL,
    n      bigint  NOT NULL,
    root   bytea   NOT NULL CHECK (octet_length(root) = 32),
    data   bytea   NOT NULL CHECK (octet_length(data) = 8192),
    PRIMARY KEY (log_id, level, n)
);
ALTER TABLE audit.tile ALTER COLUMN data SET STORAGE EXTERNAL;

-- Events written in a transaction of the application's, on their way into their logs. No event of a
-- recorder's can be refused here: what is wrong with one is found when it is moved. Rows come and go, so
-- that it is vacuumed by their number and not by their share.
CREATE TABLE audit.outbox (
    log_id   bigint NOT NULL,
    id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    origin   text   NOT NULL CHECK (octet_length(origin) <= 600),
    class    text   NOT NULL CHECK (octet_length(class) <= 64),
    event_id uuid   NOT NULL,
    canon    text   NOT NULL CHECK (octet_length(canon) <= 65535),
    openings text   CHECK (octet_length(openings) <= 65535),
    PRIMARY KEY (log_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Spans logs: it is one queue.
CREATE INDEX outbox_id ON audit.outbox (id);

-- Events that the tables above refused.
CREATE TABLE audit.rejected (
    log_id   bigint      NOT NULL,
    id       bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    event_id uuid        NOT NULL,
    canon    text        NOT NULL,
    openings text,
    reason   text        NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (log_id, id)
);

-- What was signed of a log, as it was published. It proves nothing by itself: whoever can write here is whom a
-- signature is to be believed against. Of several notes of one size the last one counts: it has more signatures.
CREATE TABLE audit.checkpoint (
    log_id    bigint      NOT NULL,
    size      bigint      NOT NULL CHECK (size >= 0),
    id        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    root      bytea       NOT NULL CHECK (octet_length(root) = 32),
    note      text        NOT NULL CHECK (octet_length(note) <= 1000000),
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (log_id, size, id)
);

-- Where checkpoints were brought, so that whoever looks for them knows where. The last one of a place counts.
CREATE TABLE audit.anchor (
    log_id bigint      NOT NULL,
    place  text        NOT NULL CHECK (octet_length(place) <= 2000),
    id     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    size   bigint      NOT NULL CHECK (size >= 0),
    root   bytea       NOT NULL CHECK (octet_length(root) = 32),
    at     timestamptz NOT NULL,
    PRIMARY KEY (log_id, place, id)
);

-- Which signer acts on a log, and until when.
CREATE TABLE audit.lease (
    log_id bigint      PRIMARY KEY,
    holder text        NOT NULL,
    until  timestamptz NOT NULL
);

-- Append-only. The triggers fire ALWAYS: also where `session_replication_role` is `replica`; those for each
-- row fire also where a subscription of logical replication writes, which fires none for statements.

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'audit.% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END;
$$;

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER entry_append_only;
CREATE TRIGGER entry_append_only_rows BEFORE UPDATE OR DELETE ON audit.entry
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER entry_append_only_rows;

CREATE TRIGGER tile_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.tile
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_append_only;
CREATE TRIGGER tile_append_only_rows BEFORE UPDATE OR DELETE ON audit.tile
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_append_only_rows;

CREATE TRIGGER rejected_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.rejected
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.rejected ENABLE ALWAYS TRIGGER rejected_append_only;
CREATE TRIGGER rejected_append_only_rows BEFORE UPDATE OR DELETE ON audit.rejected
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.rejected ENABLE ALWAYS TRIGGER rejected_append_only_rows;

CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only;
CREATE TRIGGER checkpoint_append_only_rows BEFORE UPDATE OR DELETE ON audit.checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only_rows;

CREATE TRIGGER anchor_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.anchor
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.anchor ENABLE ALWAYS TRIGGER anchor_append_only;
CREATE TRIGGER anchor_append_only_rows BEFORE UPDATE OR DELETE ON audit.anchor
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.anchor ENABLE ALWAYS TRIGGER anchor_append_only_rows;

CREATE TRIGGER outbox_unchanged BEFORE UPDATE OR TRUNCATE ON audit.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.outbox ENABLE ALWAYS TRIGGER outbox_unchanged;

CREATE TRIGGER segment_stays BEFORE DELETE OR TRUNCATE ON audit.segment
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.segment ENABLE ALWAYS TRIGGER segment_stays;

CREATE TRIGGER log_stays BEFORE DELETE OR TRUNCATE ON audit.log
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.log ENABLE ALWAYS TRIGGER log_stays;

CREATE FUNCTION audit.segment_widens() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.log_id <> OLD.log_id OR NEW.seg <> OLD.seg
        OR NEW.earliest > OLD.earliest OR NEW.latest < OLD.latest THEN
        RAISE EXCEPTION 'audit.segment only widens: bounds do not come closer';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER segment_widens BEFORE UPDATE ON audit.segment
    FOR EACH ROW EXECUTE FUNCTION audit.segment_widens();
ALTER TABLE audit.segment ENABLE ALWAYS TRIGGER segment_widens;

CREATE FUNCTION audit.head_advances() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.log_id <> OLD.log_id OR NEW.origin <> OLD.origin OR NEW.class <> OLD.class THEN
        RAISE EXCEPTION 'audit.log: id, origin and class of a log do not change';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state = 'frozen' OR NEW.state = 'open') THEN
        RAISE EXCEPTION 'audit.log: a log that is closed is not opened again';
    END IF;
    IF NEW.size <> OLD.size AND OLD.state <> 'open' THEN
        RAISE EXCEPTION 'audit.log: a log that is closed takes no entries';
    END IF;
    IF NEW.size < OLD.size OR NEW.min_index <> OLD.min_index
        OR (OLD.recorded_at IS NOT NULL AND NEW.recorded_at IS NULL)
        OR NEW.recorded_at < OLD.recorded_at
        OR (NEW.size = OLD.size AND (NEW.root <> OLD.root OR NEW.frontier <> OLD.frontier)) THEN
        RAISE EXCEPTION 'audit.log: a head only advances';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER head_advances BEFORE UPDATE ON audit.log
    FOR EACH ROW EXECUTE FUNCTION audit.head_advances();
ALTER TABLE audit.log ENABLE ALWAYS TRIGGER head_advances;
