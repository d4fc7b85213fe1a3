// search_index.h: keeps the full-text indexes of session.db in step with its tables.
//
// A message is in the index exactly while it is stored and no longer streaming; a session is in it
// always. FTS5 finds the entries to remove by the text, so remove before the row goes or changes.
// Call everything inside the transaction that changes the rows.
#pragma once

#include "engine/base/ids.h"
#include "storage/sqlite.h"

namespace storage {

base::Status indexMessage(Database& database, base::MessageId message);
base::Status indexStreamingMessages(Database& database);  // before all of them are stopped
base::Status unindexMessage(Database& database, base::MessageId message);
base::Status unindexMessagesOf(Database& database, base::SessionId session);

base::Status indexSession(Database& database, base::SessionId session);
base::Status unindexSession(Database& database, base::SessionId session);

// Makes removed entries disappear from the file.
base::Status purgeSearchIndex(Database& database);

}  // namespace storage
