//! The attacks, and what each is found as.
//!
//! A step is SQL, in which `{entry}` and the like are tables, `{id}` is the log's id, and `{audit}` that of the log in which the
//! recorder speaks of itself; or a word of the attacker's tool:
//! `rehash N` puts the leaf hash beside the bytes right, `rebuild {id}` makes leaf hashes, tiles, segments and head of a log
//! fit to its rows, `say ACTION METADATA` appends an entry to the log of the class `audit`, `elsewhere` the same to a log of the attacker's own, and
//! `sign audit` keeps a checkpoint of the former.

/// What the verifier has from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Nothing.
    Nothing,
    /// The checkpoints of 300 and of all entries, and the keys of those who signed.
    Whole,
    /// Only that of 300.
    Early,
    /// Both, and one more of 300, signed by the log with another root.
    Equivocal,
    /// Both, and one more, signed by somebody with a key of his own under the log's name.
    Strange,
    /// Both, and one more, of a log of which the policy knows nothing.
    Foreign,
    /// Both, of which a witness saw the last one two days ago.
    Old,
}

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [&'static str],
    pub(crate) outside: Outside,
    pub(crate) found: &'static [&'static str],
}

const fn attack(
    name: &'static str,
    steps: &'static [&'static str],
    outside: Outside,
    found: &'static [&'static str],
) -> Attack {
    Attack { name, steps, outside, found }
}

use Outside::{Early, Equivocal, Foreign, Nothing, Old, Strange, Whole};

const EDIT: &str = "UPDATE {entry} SET canon = replace(canon, '\"u-1\"', '\"u-2\"') WHERE log_id = {id} AND idx = 17";

/// The log has 700 entries: 0 to 511 have tiles. All are run in this order on one database, which is put back after each.
pub(crate) const ATTACKS: &[Attack] = &[
    attack("nothing is done", &[], Whole, &[]),
    attack("nothing is done, and nothing is known", &[], Nothing, &[]),
    attack("bytes are changed", &[EDIT], Whole, &["MODIFIED 17"]),
    attack(
        "bytes are changed with the leaf beside them",
        &[EDIT, "rehash 17"],
        Whole,
        &["MODIFIED 17"],
    ),
    attack(
        "an entry is taken out",
        &["DELETE FROM {entry} WHERE log_id = {id} AND idx = 300"],
        Whole,
        &["MISSING 300"],
    ),
    attack(
        "the end is cut off",
        &["DELETE FROM {entry} WHERE log_id = {id} AND idx >= 650"],
        Whole,
        &["TRUNCATED 650-699"],
    ),
    attack(
        "the end is cut off, and the head is brought back to it",
        &["DELETE FROM {entry} WHERE log_id = {id} AND idx >= 650", "rebuild {id}"],
        Whole,
        &["TRUNCATED 650-699", "TRUNCATED 650-699"],
    ),
    attack(
        "an entry is put behind the end",
        &[
            "CREATE TABLE extra AS SELECT * FROM {entry} WHERE log_id = {id} AND idx = 699",
            "UPDATE extra SET idx = 700, event_id = {uuid}",
            "INSERT INTO {entry} SELECT * FROM extra",
            "DROP TABLE extra",
        ],
        Whole,
        &["EXTRA 700"],
    ),
    attack(
        "two entries change places",
        &[
            "UPDATE {entry} SET idx = 999999 WHERE log_id = {id} AND idx = 3",
            "UPDATE {entry} SET idx = 3 WHERE log_id = {id} AND idx = 400",
            "UPDATE {entry} SET idx = 400 WHERE log_id = {id} AND idx = 999999",
        ],
        Whole,
        &["REORDERED 3", "REORDERED 400"],
    ),
    attack(
        "the head gets another root",
        &["UPDATE {log} SET root = {hash} WHERE log_id = {id}"],
        Nothing,
        &["FORKED"],
    ),
    attack(
        "history is rewritten with leaf hashes, tiles and head, and nothing is known",
        &[
            EDIT,
            "UPDATE {entry} SET actor = 'u-2' WHERE log_id = {id} AND idx = 17",
            "rebuild {id}",
        ],
        Nothing,
        &[],
    ),
    attack(
        "history is rewritten with leaf hashes, tiles and head",
        &[
            EDIT,
            "UPDATE {entry} SET actor = 'u-2' WHERE log_id = {id} AND idx = 17",
            "DELETE FROM {checkpoint}",
            "rebuild {id}",
        ],
        Whole,
        &["FORKED", "FORKED"],
    ),
    attack(
        "history is rewritten, but for what was kept of it",
        &[
            EDIT,
            "UPDATE {entry} SET actor = 'u-2' WHERE log_id = {id} AND idx = 17",
            "rebuild {id}",
        ],
        Early,
        &["FORKED", "FORKED"],
    ),
    attack("the log has signed another history as well", &[], Equivocal, &["EQUIVOCATION"]),
    attack("a stranger has signed", &[], Strange, &["UNAUTHENTIC"]),
    attack("somebody else's log is signed", &[], Foreign, &["UNAUTHENTIC"]),
    attack(
        "a note that is kept is changed",
        &[
            "UPDATE {checkpoint} SET note = replace(note, '300', '301') WHERE log_id = {id} AND size = 300",
        ],
        Whole,
        &["UNAUTHENTIC"],
    ),
    attack(
        "what is kept stands beside the note of another size",
        &["UPDATE {checkpoint} SET size = 299 WHERE log_id = {id} AND size = 300"],
        Whole,
        &["UNAUTHENTIC"],
    ),
    attack(
        "a tile is changed",
        &["UPDATE {tile} SET data = {tile_of_zeros} WHERE log_id = {id} AND n = 1"],
        Whole,
        &["TILES_CORRUPT 256-511"],
    ),
    attack(
        "a tile is taken away",
        &["DELETE FROM {tile} WHERE log_id = {id} AND n = 0"],
        Whole,
        &["TILES_CORRUPT 0-255"],
    ),
    attack(
        "an entry is hidden from searches by action",
        &["UPDATE {entry} SET action = 'invoice.look' WHERE log_id = {id} AND idx = 17"],
        Whole,
        &["COLUMN_MISMATCH 17"],
    ),
    attack(
        "an entry is hidden from searches by term",
        &[
            "UPDATE {entry} SET terms = (SELECT e.terms FROM {entry} e WHERE e.log_id = {audit} AND e.idx = 0) \
           WHERE log_id = {id} AND idx = 17",
        ],
        Whole,
        &["COLUMN_MISMATCH 17"],
    ),
    attack(
        "an entry is dated back",
        &["UPDATE {entry} SET recorded_at = recorded_at - {day} WHERE log_id = {id} AND idx = 17"],
        Whole,
        &["COLUMN_MISMATCH 16-17"],
    ),
    attack(
        "the bounds of a segment come closer",
        &["UPDATE {segment} SET latest = earliest WHERE log_id = {id}"],
        Whole,
        &["COLUMN_MISMATCH 0-699"],
    ),
    attack(
        "an entry is no event",
        &[
            "UPDATE {entry} SET canon = '{}', openings = NULL, ip = NULL WHERE log_id = {id} AND idx = 17",
            "rebuild {id}",
        ],
        Nothing,
        &["NON_CANONICAL 17"],
    ),
    attack(
        "a personal value is replaced",
        &[
            "UPDATE {entry} SET openings = replace(openings, 'Alice', 'Mallory') WHERE log_id = {id} AND idx = 17",
        ],
        Whole,
        &["COMMITMENT_MISMATCH 17"],
    ),
    attack(
        "personal values are taken away",
        &["UPDATE {entry} SET openings = NULL WHERE log_id = {id} AND idx = 17"],
        Whole,
        &["COMMITMENT_MISMATCH 17"],
    ),
    attack(
        "personal values are erased by those who may",
        &[
            "UPDATE {entry} SET openings = NULL WHERE log_id = {id} AND idx = 17",
            r#"say audit.erased {"indexes":[17],"log":"test.example/audit/standard","pointers":["/actor/name"]}"#,
            "sign audit",
        ],
        Whole,
        &["ERASED 17"],
    ),
    attack(
        "the first entries are taken away",
        &[
            "DELETE FROM {entry} WHERE log_id = {id} AND idx < 256",
            "UPDATE {log} SET min_index = 256 WHERE log_id = {id}",
        ],
        Whole,
        &["FORKED", "MISSING 0-255"],
    ),
    attack(
        "the first entries are pruned by those who may",
        &[
            "DELETE FROM {entry} WHERE log_id = {id} AND idx < 256",
            "UPDATE {log} SET min_index = 256 WHERE log_id = {id}",
            r#"say audit.pruned {"log":"test.example/audit/standard","min_index":256,"size":700}"#,
            "sign audit",
        ],
        Whole,
        &["PRUNED 0-255"],
    ),
    attack(
        "the first entries are pruned, and nobody has signed that",
        &[
            "DELETE FROM {entry} WHERE log_id = {id} AND idx < 256",
            "UPDATE {log} SET min_index = 256 WHERE log_id = {id}",
            r#"say audit.pruned {"log":"test.example/audit/standard","min_index":256,"size":700}"#,
        ],
        Whole,
        // The second one is of the entry that says so.
        &["UNSEALED 0-255", "UNSEALED 2"],
    ),
    attack(
        "the first entries are taken away, which a log excuses that nobody signs",
        &[
            "DELETE FROM {entry} WHERE log_id = {id} AND idx < 256",
            "UPDATE {log} SET min_index = 256 WHERE log_id = {id}",
            r#"elsewhere audit.pruned {"log":"test.example/audit/standard","min_index":256,"size":700}"#,
        ],
        Whole,
        &["FORKED", "MISSING 0-255"],
    ),
    attack(
        "the first entries are pruned with their leaf hashes",
        &[
            "DELETE FROM {entry} WHERE log_id = {id} AND idx < 512",
            "DELETE FROM {tile} WHERE log_id = {id}",
            "UPDATE {log} SET min_index = 512 WHERE log_id = {id}",
            r#"say audit.pruned {"log":"test.example/audit/standard","min_index":512,"size":700}"#,
            "sign audit",
        ],
        Nothing,
        &["PRUNED 0-511", "TILES_CORRUPT 0-255", "TILES_CORRUPT 256-511"],
    ),
    attack(
        "a checkpoint of more entries than there can be is put beside the others",
        &["INSERT INTO {checkpoint} (log_id, size, root, note, signed_at) \
           SELECT log_id, 9223372036854775807, root, note, signed_at FROM {checkpoint} WHERE log_id = {id} AND size = 700"],
        Whole,
        &["UNAUTHENTIC"],
    ),
    attack("nobody signs any more", &["DELETE FROM {checkpoint}"], Early, &["UNSEALED 300-699"]),
    attack("no witness has looked for two days", &["DELETE FROM {checkpoint}"], Old, &["STALE"]),
    attack(
        "an entry is taken out, and the others move up",
        &[
            "DELETE FROM {entry} WHERE log_id = {id} AND idx = 300",
            "UPDATE {entry} SET idx = idx + 1000000 WHERE log_id = {id} AND idx > 300",
            "UPDATE {entry} SET idx = idx - 1000001 WHERE log_id = {id} AND idx > 300",
            "rebuild {id}",
        ],
        Nothing,
        &["PRE_LOG_LOSS"],
    ),
    attack(
        "the last word of a recorder is taken away, and its log is made to fit",
        &[
            "DELETE FROM {entry} WHERE log_id = {audit} AND action = 'audit.stopped'",
            "UPDATE {entry} SET recorded_at = recorded_at - {day}",
            "UPDATE {log} SET recorded_at = recorded_at - {day}",
            "rebuild {audit}",
        ],
        Nothing,
        &["UNCLEAN_STOP"],
    ),
    // The keys do not come back. Of two rows that differ, the first one is compared with the tree, and which one that is
    // without a key, only the database knows: `MODIFIED` may be told beside.
    attack(
        "two rows claim a place",
        &[
            "keys off",
            "CREATE TABLE extra AS SELECT * FROM {entry} WHERE log_id = {id} AND idx = 5",
            "INSERT INTO {entry} SELECT * FROM extra",
        ],
        Whole,
        &["DUPLICATE 5"],
    ),
];
