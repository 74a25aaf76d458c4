-- `token` is the fencing token of whoever wrote last: 20 digits, so that texts compare as numbers do.
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  balance INTEGER NOT NULL CHECK (balance >= 0),
  token TEXT NOT NULL DEFAULT ''
);
INSERT INTO accounts (id, balance) VALUES ('alice', 100);
