-- Of the executions that were redriven, which are few: the usual turn does not touch it.
CREATE TABLE redrive (
  execution INTEGER PRIMARY KEY REFERENCES execution,
  count     INTEGER NOT NULL,
  at        INTEGER NOT NULL
) STRICT;
