-- The first format.
--
-- What is written per turn is one row at the end of `journal` and one small row of `head`. Everything that is
-- long and never changes is kept apart in `execution`, so that a page holds about 80 heads: with the ARNs in
-- the same row, a batch of turns would dirty ten times as many pages.

CREATE TABLE migration (
  version    INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;

-- Long texts that repeat (ARNs of state machines, versions, aliases), once each.
CREATE TABLE symbol (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE shard (
  id    INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  -- How many executions of the shard are open: counting rows would read the whole of `head`.
  open  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Append-only, in the order of the LSNs. A turn points back to the previous turn of its execution. There is no
-- index by execution: it would scatter the writes and cost a factor of three.
CREATE TABLE journal (
  lsn       INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,
  prev_lsn  INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  epoch     INTEGER NOT NULL,
  -- Of the data and of the columns that a reading follows (checksum.ts): SQLite has no checksums of pages.
  checksum  INTEGER NOT NULL,
  data      TEXT NOT NULL
) STRICT;

-- Written once, by the first turn.
CREATE TABLE execution (
  id                    INTEGER PRIMARY KEY,
  arn                   TEXT NOT NULL,
  state_machine         INTEGER NOT NULL REFERENCES symbol,
  state_machine_version INTEGER REFERENCES symbol,
  state_machine_alias   INTEGER REFERENCES symbol,
  name                  TEXT NOT NULL,
  revision_id           TEXT NOT NULL,
  started_at            INTEGER NOT NULL
) STRICT;

-- Every ARN but the latest, by hash; arn-index.ts keeps ARNs unique and says which are here.
CREATE TABLE arn_index (
  hash      INTEGER NOT NULL,
  execution INTEGER NOT NULL,
  PRIMARY KEY (hash, execution)
) STRICT, WITHOUT ROWID;

CREATE TABLE arn_index_state (
  id           INTEGER PRIMARY KEY CHECK (id = 0),
  merged_to    INTEGER NOT NULL,
  merging_to   INTEGER NOT NULL,
  merged_below INTEGER NOT NULL
) STRICT;
INSERT INTO arn_index_state (id, merged_to, merging_to, merged_below) VALUES (0, 0, 0, 0);

CREATE INDEX execution_by_state_machine ON execution (state_machine, id);

-- Written by every turn. Most turns change `head_lsn` alone, which no index holds.
CREATE TABLE head (
  id            INTEGER PRIMARY KEY REFERENCES execution,
  head_lsn      INTEGER NOT NULL,
  shard         INTEGER NOT NULL,
  state_machine INTEGER NOT NULL,
  status        TEXT NOT NULL,
  stopped_at    INTEGER,
  wake_at       INTEGER,
  attention     INTEGER NOT NULL
) STRICT;

CREATE INDEX head_by_status ON head (state_machine, status, id);
CREATE INDEX head_due ON head (shard, wake_at) WHERE wake_at IS NOT NULL AND stopped_at IS NULL;
CREATE INDEX head_attention ON head (shard) WHERE attention = 1 AND stopped_at IS NULL;

-- WITHOUT ROWID would keep only a quarter of a page of each document in place.
CREATE TABLE entity (
  kind TEXT NOT NULL,
  key  TEXT NOT NULL,
  data TEXT NOT NULL,
  UNIQUE (kind, key)
) STRICT;
