#include <iterator>
#include <limits>

#include "storage/session_file.h"
#include "storage/session_store.h"

namespace storage {
namespace {

using base::Result;

void bindFilters(Statement& query, const SearchQuery& search) {
  query.bindId(":session", search.session ? search.session->value : 0);
  query.bindId(":workspace", search.workspace ? search.workspace->value : 0);
  query.bind(":from_ms", search.from_ms.value_or(std::numeric_limits<std::int64_t>::min()));
  query.bind(":until_ms", search.until_ms.value_or(std::numeric_limits<std::int64_t>::max()));
  query.bind(":with_archived", std::int64_t{search.with_archived});
}

// The user's words as one FTS5 expression: each quoted, so that no operator is in it, the last one
// a prefix. A quote inside a word is doubled.
std::string matchExpression(const std::string& words) {
  std::string expression, word;
  const auto close = [&] {
    if (!word.empty()) expression += (expression.empty() ? "\"" : " \"") + word + '"';
    word.clear();
  };
  for (const char c : words) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0') {
      close();
      continue;
    }
    word += c;
    if (c == '"') word += c;
  }
  close();
  return expression.empty() ? expression : expression + '*';
}

}  // namespace

Result<std::vector<SearchHit>> SessionStore::search(const SearchQuery& search) {
  const std::string expression = matchExpression(search.words);
  if (expression.empty() || search.n_hits_max <= 0) return std::vector<SearchHit>();
  TRY_ASSIGN(auto hits, searchNames(search, expression));
  const int n_left = search.n_hits_max - static_cast<int>(hits.size());
  if (n_left <= 0) return hits;
  TRY_ASSIGN(auto said, searchMessages(search, expression, n_left));
  std::move(said.begin(), said.end(), std::back_inserter(hits));
  return hits;
}

// U+2068 and U+2069 (isolates) mark the hits: they do not occur in ordinary text and are invisible
// where a viewer does not know them.
Result<std::vector<SearchHit>> SessionStore::searchNames(const SearchQuery& search,
                                                         const std::string& expression) {
  std::vector<SearchHit> hits;
  if (search.role) return hits;
  TRY_ASSIGN(auto query, file_.database().prepare(
                             "SELECT e.id, e.used_ms,"
                             " snippet(session_search, -1, char(0x2068), char(0x2069), '…', 24)"
                             " FROM session_search s CROSS JOIN session e ON e.id = s.rowid"
                             " WHERE session_search MATCH :words"
                             " AND (:session IS NULL OR e.id = :session)"
                             " AND (:workspace IS NULL OR e.workspace_id = :workspace)"
                             " AND e.used_ms >= :from_ms AND e.used_ms < :until_ms"
                             " AND (:with_archived OR e.archived = 0)"
                             " ORDER BY s.rowid DESC LIMIT :n_hits"));
  bindFilters(query, search);
  query.bind(":words", expression).bind(":n_hits", std::int64_t{search.n_hits_max});
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return hits;
    hits.push_back({.session = {query.integer(0)},
                    .message = {},
                    .said_ms = query.integer(1),
                    .snippet = query.text(2)});
  }
}

// By row from the newest on, so that the index is walked only until there are enough: ranking would
// look at every message that holds a common word. The joins are crossed to keep that order.
Result<std::vector<SearchHit>> SessionStore::searchMessages(const SearchQuery& search,
                                                            const std::string& expression,
                                                            int n_max) {
  TRY_ASSIGN(auto query,
             file_.database().prepare(
                 "SELECT m.session_id, m.id, m.role, m.created_ms,"
                 " snippet(message_search, 0, char(0x2068), char(0x2069), '…', 24)"
                 " FROM message_search s CROSS JOIN message m ON m.id = s.rowid"
                 " CROSS JOIN session e ON e.id = m.session_id"
                 " WHERE message_search MATCH :words"
                 " AND s.rowid BETWEEN"
                 " coalesce((SELECT min(id) FROM message WHERE session_id = :session), 0) AND"
                 " coalesce((SELECT max(id) FROM message WHERE session_id = :session), 1 << 62)"
                 " AND (:session IS NULL OR m.session_id = :session)"
                 " AND (:role IS NULL OR m.role = :role)"
                 " AND m.created_ms >= :from_ms AND m.created_ms < :until_ms"
                 " AND (:workspace IS NULL OR e.workspace_id = :workspace)"
                 " AND (:with_archived OR e.archived = 0)"
                 " ORDER BY s.rowid DESC LIMIT :n_hits"));
  bindFilters(query, search);
  if (search.role)
    query.bind(":role", messageRoleName(*search.role));
  else
    query.bindNull(":role");
  query.bind(":words", expression).bind(":n_hits", std::int64_t{n_max});
  std::vector<SearchHit> hits;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return hits;
    SearchHit hit{.session = {query.integer(0)},
                  .message = {query.integer(1)},
                  .said_ms = query.integer(3),
                  .snippet = query.text(4)};
    TRY_ASSIGN(hit.role, messageRoleFromName(query.text(2)));
    hits.push_back(std::move(hit));
  }
}

}  // namespace storage
