#include "tests/storage/life.h"

#include <set>

#include "tests/storage/store_fixture.h"

namespace support {
namespace {

using base::ErrorCode;
using base::failure;
using base::Status;
using storage::MessageStatus;

constexpr std::int64_t kBlockTokens = 2048;

tl::unexpected<base::Error> differs(const std::string& what) {
  return failure(ErrorCode::kInternal, "differs: " + what);
}

Status wants(const std::string& what, Presence wanted, const base::Result<Bytes>& read,
             const Bytes& payload) {
  if (read && *read != payload) return differs("payload of " + what);
  if (!read && read.error().code != ErrorCode::kNotFound)
    return differs(what + ": " + read.error().message);
  if (wanted == Presence::kPresent && !read) return differs("lost: " + what);
  if (wanted == Presence::kAbsent && read) return differs("visible: " + what);
  return {};
}

}  // namespace

Status Stores::open() {
  close();
  if (topic_ != Topic::kBlocks) {
    TRY_ASSIGN(session_, storage::SessionDatabase::open(folder_));
  }
  if (topic_ != Topic::kSessions) {
    storage::BlockDatabaseOptions options;
    options.free_bytes_min = 0;
    TRY_ASSIGN(blocks_, storage::BlockDatabase::open(folder_, options));
  }
  return {};
}

void Stores::close() {
  session_.reset();
  blocks_.reset();
}

Status Stores::run(const Step& step) {
  if (step.kind == StepKind::kReopen) return open();
  return step.kind < StepKind::kReopen ? runOnSession(step) : runOnBlocks(step);
}

Status Stores::runOnSession(const Step& step) {
  storage::SessionStore& sessions = session_->sessions();
  storage::MessageStore& messages = session_->messages();
  if (step.kind == StepKind::kCreate) {
    TRY(sessions.create({.name = step.name,
                         .title = step.text,
                         .model_name = "mini",
                         .model_fingerprint = {},
                         .workspace = {}}));
    return {};
  }
  if (step.kind == StepKind::kBackUp) {
    const auto copy = folder_ / "copy.db";
    std::filesystem::remove(copy);
    return session_->backupTo(copy);
  }
  TRY_ASSIGN(const storage::Session session, sessions.byName(step.name));
  if (step.kind == StepKind::kDelete) return sessions.remove(session.id);
  if (step.kind == StepKind::kRename) return sessions.rename(session.id, step.name, step.text);
  if (step.kind == StepKind::kSetDocuments) {
    TRY_ASSIGN(const auto document,
               session_->library().addDocument(textDocument(step.name + ".txt", step.text), 1));
    const storage::SessionDocument use{document, {}, 1};
    return session_->library().setDocuments(session.id, std::span(&use, 1), {});
  }
  if (step.kind == StepKind::kAsk || step.kind == StepKind::kBeginAnswer) {
    const bool asks = step.kind == StepKind::kAsk;
    TRY(messages.append(
        session.branch,
        {.role = asks ? storage::MessageRole::kUser : storage::MessageRole::kAssistant,
         .text = step.text,
         .tokens = {},
         .status = asks ? MessageStatus::kComplete : MessageStatus::kStreaming}));
    return {};
  }
  TRY_ASSIGN(const auto said, messages.messagesOf(session.branch));
  if (step.kind == StepKind::kRewind)
    return messages.rewind(session.branch, step.n == 0
                                               ? base::MessageId{}
                                               : said.at(static_cast<std::size_t>(step.n) - 1).id);
  const storage::MessageBody body{step.text, "thought", {1, 2, 3}};
  if (step.kind == StepKind::kGrowAnswer) return messages.update(said.back().id, body);
  storage::MessageEnd end;
  end.citations.resize(2);
  end.citations[0].quote = end.citations[1].quote = step.text.substr(0, 10);
  return messages.finish(said.back().id, body, end);
}

Status Stores::writeBlock(const Step& step) {
  const auto key = blockKey(step.name, step.n), state = boundaryKey(step.name, step.n);
  const Bytes payload = payloadOf(key, block_bytes_ / 2 + key.bytes[0] * block_bytes_ / 256);
  const Bytes rest = payloadOf(state, block_bytes_ / 4 + 1);
  const std::int64_t end = (step.n + 1) * kBlockTokens;
  const storage::BoundaryWrite boundary{state, key, end, step.keep, rest};
  return blocks_->writeBlock({key, blockKey(step.name, step.n - 1), end, payload}, &boundary);
}

Status Stores::runOnBlocks(const Step& step) {
  switch (step.kind) {
    case StepKind::kWriteBlock:
      return writeBlock(step);
    case StepKind::kPin:
      return blocks_->pin(step.name, boundaryKey(step.name, step.n));
    case StepKind::kUnpin:
      return blocks_->unpin(step.name, storage::Unpinned::kCached);
    case StepKind::kForget:
      return blocks_->unpin(step.name, storage::Unpinned::kForgotten);
    case StepKind::kEvict:
      return blocks_->evictTo(step.n, {});
    default:
      return blocks_->sweep({});
  }
}

Status Stores::compare(const LifeModel& model) {
  if (session_) {
    if (session_->nDamagedPages() != 0) return differs("pages of session.db are damaged");
    TRY(compareSessions(model));
    TRY(compareSearch(model));
  }
  if (!blocks_) return {};
  for (const auto& [name, chain] : model.chains) TRY(compareChain(name, chain));
  for (const std::string& name : model.gone_chains) {
    TRY_ASSIGN(const bool there, blocks_->hasBlock(blockKey(name, 0)));
    if (there) return differs("forgotten chain " + name + " is there");
  }
  return comparePins(model);
}

Status Stores::compareSessions(const LifeModel& model) {
  TRY_ASSIGN(const auto sessions, session_->sessions().list());
  if (sessions.size() != model.sessions.size())
    return differs(std::to_string(sessions.size()) + " sessions, not " +
                   std::to_string(model.sessions.size()));
  for (const storage::Session& session : sessions) {
    const auto life = model.sessions.find(session.name);
    if (life == model.sessions.end()) return differs("session " + session.name);
    if (session.title != life->second.title) return differs("title of " + session.name);
    TRY(compareMessages(session, life->second));
    TRY(compareDocuments(session, life->second));
  }
  return {};
}

Status Stores::compareMessages(const storage::Session& session, const SessionLife& life) {
  TRY_ASSIGN(const auto messages, session_->messages().messagesOf(session.branch));
  if (messages.size() != life.messages.size() ||
      session.n_messages != static_cast<std::int64_t>(life.messages.size()))
    return differs(std::to_string(messages.size()) + " messages in " + session.name + ", not " +
                   std::to_string(life.messages.size()));
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const storage::Message& found = messages[i];
    const Said& said = life.messages[i];
    const std::string what = "message " + std::to_string(i) + " of " + session.name;
    if (found.damaged) return differs(what + " is damaged");
    if (found.text != said.text || found.role != said.role) return differs(what);
    if (found.status != said.status) return differs("status of " + what);
    if (static_cast<int>(found.citations.size()) != said.n_citations)
      return differs("citations of " + what);
    for (const base::Citation& citation : found.citations)
      if (citation.quote != said.text.substr(0, 10)) return differs("quote in " + what);
  }
  return {};
}

Status Stores::compareDocuments(const storage::Session& session, const SessionLife& life) {
  TRY_ASSIGN(const auto documents, session_->library().documentsOf(session.id));
  if (documents.size() != life.documents.size()) return differs("documents of " + session.name);
  for (const storage::DocumentInfo& info : documents) {
    const auto wanted = life.documents.find(info.path);
    if (wanted == life.documents.end()) return differs("document " + info.path);
    TRY_ASSIGN(const auto read, session_->library().readDocument(info.use.document));
    if (read.document.text != wanted->second) return differs("text of " + info.path);
  }
  return {};
}

Status Stores::compareSearch(const LifeModel& model) {
  storage::SearchQuery query;
  for (const auto& [name, life] : model.sessions) {
    if (life.messages.empty() || life.messages.back().status == MessageStatus::kStreaming ||
        life.messages.back().text.empty())
      continue;
    query.words = wordOf(life.messages.back());
    TRY_ASSIGN(const auto hits, session_->sessions().search(query));
    if (hits.size() != 1) return differs("search for " + query.words);
  }
  for (const std::string& word : model.gone_words) {
    query.words = word;
    TRY_ASSIGN(const auto hits, session_->sessions().search(query));
    if (!hits.empty()) return differs("search finds what is gone: " + word);
  }
  return {};
}

Status Stores::compareChain(const std::string& name, const ChainLife& chain) {
  bool before_is_there = true;
  for (int n = 0; n < static_cast<int>(chain.items.size()); ++n) {
    const ChainLife::Item& item = chain.items[static_cast<std::size_t>(n)];
    const std::string what = name + "#" + std::to_string(n);
    const auto key = blockKey(name, n), state = boundaryKey(name, n);
    const auto block = blocks_->readBlock(key);
    TRY(wants(what, item.block, block,
              payloadOf(key, block_bytes_ / 2 + key.bytes[0] * block_bytes_ / 256)));
    if (block && !before_is_there) return differs("block without the one before: " + what);
    before_is_there = block.has_value();
    const auto boundary = blocks_->readBoundary(state);
    TRY(wants("boundary " + what, item.boundary, boundary, payloadOf(state, block_bytes_ / 4 + 1)));
    if (boundary && !block) return differs("boundary without its block: " + what);
  }
  return {};
}

Status Stores::comparePins(const LifeModel& model) {
  TRY_ASSIGN(const auto pins, blocks_->pins());
  std::set<std::string> found;
  for (const storage::Pin& pin : pins) {
    const auto chain = model.chains.find(pin.session_key);
    if (chain == model.chains.end() || pin.n_tokens != (chain->second.pinned_at + 1) * kBlockTokens)
      return differs("pin of " + pin.session_key);
    if (!pin.complete) return differs("incomplete pin of " + pin.session_key);
    found.insert(pin.session_key);
  }
  for (const auto& [name, chain] : model.chains)
    if (chain.pinned_at >= 0 && !found.contains(name)) return differs("lost pin of " + name);
  TRY_ASSIGN(const auto stats, blocks_->stats());
  if (stats.n_dropped != 0) return differs("damaged payloads were dropped");
  return {};
}

base::Result<LifeModel> whichState(Stores& stores, const LifeModel& before,
                                   const LifeModel& after) {
  const Status is_after = stores.compare(after);
  if (is_after) return after;
  const Status is_before = stores.compare(before);
  if (is_before) return before;
  return failure(ErrorCode::kInternal, "neither after (" + is_after.error().message +
                                           ") nor before (" + is_before.error().message + ")");
}

}  // namespace support
