#include "storage/message_store.h"

#include <array>
#include <optional>

#include "storage/place_codec.h"
#include "storage/search_index.h"
#include "storage/session_file.h"

namespace storage {
namespace {

using base::BranchId;
using base::ErrorCode;
using base::failure;
using base::MessageId;
using base::Result;
using base::Status;

constexpr std::array<std::string_view, 4> kRoles{"system", "user", "assistant", "tool"};
constexpr std::array<std::string_view, 3> kStatuses{"streaming", "complete", "stopped"};
constexpr std::array kFinishes{base::FinishReason::kEnd, base::FinishReason::kLength,
                               base::FinishReason::kStopped};
constexpr std::array kChecks{base::CitationCheck::kVerified, base::CitationCheck::kUnverified,
                             base::CitationCheck::kOlderText};

tl::unexpected<base::Error> unknownName() {
  return failure(ErrorCode::kCorrupt, "a stored name is unknown");
}

template <class Enum, std::size_t N>
Result<Enum> enumOf(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (name == names[i]) return static_cast<Enum>(i);
  return unknownName();
}

Result<base::FinishReason> finishOf(const std::string& name) {
  for (const auto finish : kFinishes)
    if (name == base::finishReasonName(finish)) return finish;
  return unknownName();
}

Result<base::CitationCheck> checkOf(const std::string& name) {
  for (const auto check : kChecks)
    if (name == base::citationCheckName(check)) return check;
  return unknownName();
}

std::int64_t checkHash(std::string_view text, std::string_view thinking, BlobView tokens) {
  base::Hasher hasher;
  const auto digest = hasher.add(text).add(thinking).add(tokens).digest();
  return static_cast<std::int64_t>(base::payloadHash(std::as_bytes(std::span(digest.bytes))));
}

Status touchSession(Database& database, base::SessionId session) {
  TRY_ASSIGN(auto update, database.prepare("UPDATE session SET used_ms = :now WHERE id = :id"));
  return update.bind(":now", nowMs()).bind(":id", session.value).run();
}

// What readMessage reads.
const std::string kSelectMessage =
    "SELECT id, parent_id, role, status, finish, created_ms, context_tokens, reused_tokens,"
    " prefilled_tokens, decode_tokens, prefill_s, first_token_s, decode_tok_s, check_hash, text,"
    " thinking, tokens FROM message";

Result<Message> readMessage(const Statement& row) {
  Message message;
  message.id = {row.integer(0)};
  message.parent = {row.integer(1)};
  TRY_ASSIGN(message.role, messageRoleFromName(row.text(2)));
  TRY_ASSIGN(message.status, enumOf<MessageStatus>(kStatuses, row.text(3)));
  TRY_ASSIGN(message.finish, finishOf(row.text(4)));
  message.created_ms = row.integer(5);
  message.usage = {.context_tokens = row.integer(6),
                   .reused_tokens = row.integer(7),
                   .prefilled_tokens = row.integer(8),
                   .decode_tokens = row.integer(9),
                   .prefill_s = row.real(10),
                   .first_token_s = row.real(11),
                   .decode_tok_s = row.real(12)};
  message.text = row.text(14);
  message.thinking = row.text(15);
  message.damaged = row.integer(13) != checkHash(message.text, message.thinking, row.blob(16));
  auto tokens = decodeTokens(row.blob(16));
  if (tokens && !message.damaged) message.tokens = *std::move(tokens);
  return message;
}

Result<base::Citation> readCitation(const Statement& row) {
  const auto size = [&](int column) { return static_cast<std::size_t>(row.integer(column)); };
  const auto number = [&](int column) { return static_cast<int>(row.integer(column)); };
  base::Citation citation;
  citation.quote = row.text(0);
  citation.answer = {size(1), size(2)};
  citation.document = {row.integer(3)};
  citation.path = row.text(4);
  citation.bytes = {size(5), size(6)};
  citation.line_start = number(7);
  citation.line_end = number(8);
  citation.page = number(9);
  citation.page_label = row.text(10);
  TRY_ASSIGN(citation.boxes, decodeBoxes(row.blob(11)));
  citation.n_places = row.integer(12);
  TRY_ASSIGN(citation.check, checkOf(row.text(13)));
  return citation;
}

Result<std::vector<base::Citation>> citationsOf(Database& database, MessageId message) {
  TRY_ASSIGN(auto query,
             database.prepare(
                 "SELECT quote, answer_begin, answer_end, document_id, path, byte_begin, byte_end,"
                 " line_start, line_end, page, page_label, boxes, n_places, outcome FROM citation"
                 " WHERE message_id = :message ORDER BY position"));
  query.bind(":message", message.value);
  std::vector<base::Citation> citations;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return citations;
    TRY_ASSIGN(auto citation, readCitation(query));
    citations.push_back(std::move(citation));
  }
}

Status insertCitations(Database& database, MessageId message,
                       const std::vector<base::Citation>& citations) {
  TRY_ASSIGN(auto insert,
             database.prepare(
                 "INSERT INTO citation (message_id, position, quote, answer_begin, answer_end,"
                 " document_id, path, byte_begin, byte_end, line_start, line_end, page, page_label,"
                 " boxes, n_places, outcome) VALUES (:message, :position, :quote, :answer_begin,"
                 " :answer_end, :document, :path, :byte_begin, :byte_end, :line_start, :line_end,"
                 " :page, :page_label, :boxes, :n_places, :outcome)"));
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  for (std::size_t i = 0; i < citations.size(); ++i) {
    const base::Citation& citation = citations[i];
    const Blob boxes = encodeBoxes(citation.boxes);
    insert.bind(":message", message.value).bind(":position", number(i));
    insert.bind(":quote", citation.quote);
    insert.bind(":answer_begin", number(citation.answer.begin));
    insert.bind(":answer_end", number(citation.answer.end));
    insert.bindId(":document", citation.document.value).bind(":path", citation.path);
    insert.bind(":byte_begin", number(citation.bytes.begin));
    insert.bind(":byte_end", number(citation.bytes.end));
    insert.bind(":line_start", number(citation.line_start));
    insert.bind(":line_end", number(citation.line_end));
    insert.bind(":page", number(citation.page)).bind(":page_label", citation.page_label);
    insert.bind(":boxes", BlobView(boxes)).bind(":n_places", citation.n_places);
    insert.bind(":outcome", base::citationCheckName(citation.check));
    auto status = insert.run();
    if (!status && status.error().code == ErrorCode::kInvalidInput)
      return failure(ErrorCode::kNotFound, "a citation names a document that is not stored");
    TRY(status);
  }
  return {};
}

}  // namespace

std::string_view messageRoleName(MessageRole role) {
  return kRoles[static_cast<std::size_t>(role)];
}

Result<MessageRole> messageRoleFromName(std::string_view name) {
  return enumOf<MessageRole>(kRoles, name);
}

Result<MessageId> MessageStore::append(BranchId branch, const NewMessage& message) {
  MessageId id;
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(const Branch line, this->branch(branch));
    TRY_ASSIGN(id, insertMessage(line, message));
    TRY(indexMessage(file_.database(), id));
    TRY(setHead(branch, id));
    return touchSession(file_.database(), line.session);
  }));
  return id;
}

Result<MessageId> MessageStore::insertMessage(const Branch& line, const NewMessage& message) {
  const Blob tokens = encodeTokens(message.tokens);
  TRY_ASSIGN(auto insert,
             file_.database().prepare(
                 "INSERT INTO message (session_id, parent_id, role, status, finish, created_ms,"
                 " check_hash, text, thinking, tokens) VALUES (:session, :parent, :role, :status,"
                 " 'end', :now, :check, :text, '', :tokens)"));
  insert.bind(":session", line.session.value).bindId(":parent", line.head.value);
  insert.bind(":role", messageRoleName(message.role));
  insert.bind(":status", kStatuses[static_cast<std::size_t>(message.status)]);
  insert.bind(":now", nowMs()).bind(":check", checkHash(message.text, "", tokens));
  insert.bind(":text", message.text).bind(":tokens", BlobView(tokens));
  TRY(insert.run());
  return MessageId{file_.database().lastInsertId()};
}

Status MessageStore::update(MessageId message, const MessageBody& body) {
  return file_.write([&] { return replaceBody(message, body); });
}

Status MessageStore::replaceBody(MessageId message, const MessageBody& body) {
  const Blob tokens = encodeTokens(body.tokens);
  TRY_ASSIGN(auto update,
             file_.database().prepare("UPDATE message SET check_hash = :check, text = :text,"
                                      " thinking = :thinking, tokens = :tokens"
                                      " WHERE id = :message AND status = 'streaming'"));
  update.bind(":check", checkHash(body.text, body.thinking, tokens)).bind(":text", body.text);
  update.bind(":thinking", body.thinking).bind(":tokens", BlobView(tokens));
  TRY(update.bind(":message", message.value).run());
  if (file_.database().rowsChanged() == 1) return {};
  return failure(ErrorCode::kInvalidInput, "the message is not streaming");
}

Status MessageStore::finish(MessageId message, const MessageBody& body, const MessageEnd& end) {
  if (end.status == MessageStatus::kStreaming)
    return failure(ErrorCode::kInvalidInput, "a finished message is not streaming");
  return file_.write([&]() -> Status {
    TRY(replaceBody(message, body));
    TRY_ASSIGN(
        auto update,
        file_.database().prepare(
            "UPDATE message SET status = :status, finish = :finish, context_tokens = :context,"
            " reused_tokens = :reused, prefilled_tokens = :prefilled, decode_tokens = :decode,"
            " prefill_s = :prefill_s, first_token_s = :first_token_s,"
            " decode_tok_s = :decode_tok_s WHERE id = :message"));
    update.bind(":status", kStatuses[static_cast<std::size_t>(end.status)]);
    update.bind(":finish", base::finishReasonName(end.finish));
    update.bind(":context", end.usage.context_tokens).bind(":reused", end.usage.reused_tokens);
    update.bind(":prefilled", end.usage.prefilled_tokens);
    update.bind(":decode", end.usage.decode_tokens).bind(":prefill_s", end.usage.prefill_s);
    update.bind(":first_token_s", end.usage.first_token_s);
    update.bind(":decode_tok_s", end.usage.decode_tok_s);
    TRY(update.bind(":message", message.value).run());
    TRY(indexMessage(file_.database(), message));
    return insertCitations(file_.database(), message, end.citations);
  });
}

Result<std::vector<Message>> MessageStore::messagesOf(BranchId branch) {
  TRY_ASSIGN(const Branch line, this->branch(branch));
  // A child is always newer than its parent, so the ids are in the order of the conversation.
  TRY_ASSIGN(auto query, file_.database().prepare(
                             "WITH RECURSIVE line (id) AS (SELECT :head UNION ALL"
                             " SELECT parent_id FROM message JOIN line ON message.id = line.id"
                             " WHERE parent_id IS NOT NULL) " +
                             kSelectMessage + " WHERE id IN (SELECT id FROM line) ORDER BY id"));
  query.bindId(":head", line.head.value);
  return readMessages(query);
}

Result<MessageTree> MessageStore::treeOf(base::SessionId session) {
  TRY_ASSIGN(auto query,
             file_.database().prepare(kSelectMessage + " WHERE session_id = :session ORDER BY id"));
  query.bind(":session", session.value);
  MessageTree tree;
  TRY_ASSIGN(tree.messages, readMessages(query));
  TRY_ASSIGN(tree.branches, branchesOf(session));
  return tree;
}

Result<std::vector<Message>> MessageStore::readMessages(Statement& query) {
  std::vector<Message> messages;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return messages;
    TRY_ASSIGN(auto message, readMessage(query));
    TRY_ASSIGN(message.citations, citationsOf(file_.database(), message.id));
    messages.push_back(std::move(message));
  }
}

Result<MessageId> MessageStore::insertFinished(base::SessionId session, MessageId parent,
                                               const Message& message) {
  const Blob tokens = encodeTokens(message.tokens);
  TRY_ASSIGN(auto insert,
             file_.database().prepare(
                 "INSERT INTO message (session_id, parent_id, role, status, finish, created_ms,"
                 " context_tokens, reused_tokens, prefilled_tokens, decode_tokens, prefill_s,"
                 " first_token_s, decode_tok_s, check_hash, text, thinking, tokens)"
                 " VALUES (:session, :parent, :role, :status, :finish, :created, :context, :reused,"
                 " :prefilled, :decode, :prefill_s, :first_token_s, :decode_tok_s, :check, :text,"
                 " :thinking, :tokens)"));
  insert.bind(":session", session.value).bindId(":parent", parent.value);
  insert.bind(":role", messageRoleName(message.role));
  insert.bind(":status", kStatuses[static_cast<std::size_t>(message.status)]);
  insert.bind(":finish", base::finishReasonName(message.finish));
  insert.bind(":created", message.created_ms).bind(":context", message.usage.context_tokens);
  insert.bind(":reused", message.usage.reused_tokens);
  insert.bind(":prefilled", message.usage.prefilled_tokens);
  insert.bind(":decode", message.usage.decode_tokens).bind(":prefill_s", message.usage.prefill_s);
  insert.bind(":first_token_s", message.usage.first_token_s);
  insert.bind(":decode_tok_s", message.usage.decode_tok_s);
  insert.bind(":check", checkHash(message.text, message.thinking, tokens));
  insert.bind(":text", message.text).bind(":thinking", message.thinking);
  TRY(insert.bind(":tokens", BlobView(tokens)).run());
  const MessageId id{file_.database().lastInsertId()};
  TRY(indexMessage(file_.database(), id));
  TRY(insertCitations(file_.database(), id, message.citations));
  return id;
}

Status MessageStore::setCitationChecks(MessageId message,
                                       std::span<const base::CitationCheck> checks) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update,
               file_.database().prepare("UPDATE citation SET outcome = :outcome"
                                        " WHERE message_id = :message AND position = :position"));
    for (std::size_t i = 0; i < checks.size(); ++i) {
      update.bind(":outcome", base::citationCheckName(checks[i]));
      update.bind(":message", message.value).bind(":position", static_cast<std::int64_t>(i));
      TRY(update.run());
      if (file_.database().rowsChanged() == 0)
        return failure(ErrorCode::kNotFound, "no citation at this position");
    }
    return {};
  });
}

}  // namespace storage
