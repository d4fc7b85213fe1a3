-- What the model that read a session was made of, part by part: which part another model differs in
-- can be said. Empty: read before this was kept.
ALTER TABLE session ADD COLUMN model_identity TEXT NOT NULL DEFAULT '';
