-- Roles for an audit log in PostgreSQL: who may do what, and nothing else.
--
-- Run it as the owner of the schema `audit`, who may create roles, after `audit db migrate` and again after each
-- upgrade; it can be run as often as one likes. These are groups without login. Give them to your own roles:
--
--     GRANT audit_application TO billing;         -- writes events in its own transactions
--     GRANT audit_appender    TO billing_audit;   -- what a recorder connects as
--     GRANT audit_reader      TO auditor;         -- searches and verifies
--
-- The owner can take every protection away: nobody should connect as the owner but to migrate.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY
        ARRAY['audit_application', 'audit_appender', 'audit_reader', 'audit_signer', 'audit_retention']
    LOOP
        BEGIN
            IF to_regrole(role) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- Somebody else has just made it: roles belong to all databases of the server.
        END;
    END LOOP;
END;
$$;

-- From nothing, so that a right that is no longer given does not stay.
REVOKE ALL ON SCHEMA audit
    FROM PUBLIC, audit_application, audit_appender, audit_reader, audit_signer, audit_retention;
REVOKE ALL ON ALL TABLES IN SCHEMA audit
    FROM PUBLIC, audit_application, audit_appender, audit_reader, audit_signer, audit_retention;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit
    FROM PUBLIC, audit_application, audit_appender, audit_reader, audit_signer, audit_retention;

GRANT USAGE ON SCHEMA audit
    TO audit_application, audit_appender, audit_reader, audit_signer, audit_retention;

-- The application: puts events into the outbox with its own transaction, and cannot look into it.
-- Not its `id`, which the database gives.
GRANT INSERT (log_id, origin, class, event_id, canon, openings) ON audit.outbox TO audit_application;

-- The recorder: appends, and moves the outbox into the logs. What is in a log it can neither change nor remove.
GRANT SELECT ON audit.migrations, audit.log, audit.entry, audit.segment, audit.tile, audit.checkpoint TO audit_appender;
GRANT INSERT ON audit.log, audit.entry, audit.segment, audit.tile, audit.rejected TO audit_appender;
GRANT UPDATE (size, root, frontier, recorded_at) ON audit.log TO audit_appender;
GRANT UPDATE (earliest, latest) ON audit.segment TO audit_appender;
GRANT SELECT, DELETE ON audit.outbox TO audit_appender;

-- Readers: search, export, verify. What is in the outbox has not happened yet.
GRANT SELECT ON audit.migrations, audit.log, audit.entry, audit.segment, audit.tile, audit.checkpoint, audit.anchor,
    audit.rejected TO audit_reader;

-- The signer: what it hashes again, and no personal value; it keeps what it has signed, and closes a log that is not what was
-- signed. That it has closed one, only a signer that is a member of audit_appender as well can say in the log `audit`.
GRANT SELECT ON audit.migrations, audit.log, audit.tile, audit.checkpoint, audit.anchor TO audit_signer;
GRANT SELECT (log_id, idx, canon, leaf) ON audit.entry TO audit_signer;
GRANT INSERT ON audit.checkpoint, audit.anchor TO audit_signer;
GRANT UPDATE (state) ON audit.log TO audit_signer;
GRANT SELECT, INSERT, UPDATE ON audit.lease TO audit_signer;

-- Retention: as yet it only looks.
GRANT SELECT ON audit.migrations, audit.log, audit.entry, audit.segment, audit.tile, audit.checkpoint TO audit_retention;
