-- Beginnings of one to three letters have an index of their own: a search that runs while its words
-- are typed must not walk through every word that begins with "t".

DROP TABLE message_search;

CREATE VIRTUAL TABLE message_search USING fts5 (
  text, content = 'message', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2',
  prefix = '1 2 3');

-- Not 'rebuild': a message that was still streaming is indexed when it ends.
INSERT INTO message_search (rowid, text) SELECT id, text FROM message WHERE status <> 'streaming';
