#include "tests/storage/life_model.h"

#include <cstdio>

namespace support {
namespace {

using storage::Keep;
using storage::MessageRole;
using storage::MessageStatus;

constexpr std::size_t kSessionsMax = 5, kMessagesMax = 12, kChainsMax = 4, kBlocksMax = 4;
constexpr std::size_t kGoneMax = 6;

std::string numbered(const char* prefix, int n) {
  char name[24];
  std::snprintf(name, sizeof(name), "%s%07d", prefix, n);
  return name;
}

std::string textOf(const std::string& word, std::size_t n_bytes) {
  std::string text = word;
  while (text.size() < n_bytes) text += " the quick brown fox " + std::to_string(text.size());
  return text;
}

template <class Map>
std::string anyKey(const Map& map, std::mt19937_64& random) {
  auto it = map.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(random() % map.size()));
  return it->first;
}

bool isStreaming(const SessionLife& session) {
  return !session.messages.empty() && session.messages.back().status == MessageStatus::kStreaming;
}

void remember(std::vector<std::string>& list, const std::string& item) {
  list.push_back(item);
  if (list.size() > kGoneMax) list.erase(list.begin());
}

Step nextOfSessions(const LifeModel& model, std::mt19937_64& random) {
  const std::string fresh = numbered("m", model.n_names);
  if (model.sessions.empty() || (model.sessions.size() < kSessionsMax && random() % 12 == 0))
    return {StepKind::kCreate, numbered("s", model.n_names), "title " + fresh};
  const std::string name = anyKey(model.sessions, random);
  const SessionLife& session = model.sessions.at(name);
  const std::size_t n_bytes = 20 + random() % 3000;
  if (isStreaming(session)) {
    const std::string word = wordOf(session.messages.back());
    const bool ends = random() % 2 == 0;
    return {ends ? StepKind::kEndAnswer : StepKind::kGrowAnswer, name,
            textOf(word.empty() ? fresh : word, n_bytes)};
  }
  const std::uint64_t choice = random() % 24;
  if (session.messages.size() >= kMessagesMax || choice == 0)
    return {StepKind::kRewind, name, "",
            static_cast<int>(random() % (session.messages.size() + 1))};
  if (choice == 1) return {StepKind::kDelete, name};
  if (choice == 2) return {StepKind::kRename, name, "title " + fresh};
  if (choice <= 4) return {StepKind::kSetDocuments, name, textOf(fresh, 4 * n_bytes)};
  if (choice == 5) return {StepKind::kBackUp, name};
  if (choice <= 13 && !session.messages.empty()) return {StepKind::kBeginAnswer, name};
  return {StepKind::kAsk, name, textOf(fresh, n_bytes)};
}

Step nextOfBlocks(const LifeModel& model, std::mt19937_64& random) {
  if (model.chains.empty() || (model.chains.size() < kChainsMax && random() % 6 == 0))
    return {StepKind::kWriteBlock, numbered("c", model.n_names)};
  const std::string name = anyKey(model.chains, random);
  const ChainLife& chain = model.chains.at(name);
  const int n_blocks = static_cast<int>(chain.items.size());
  const bool may_pin = !chain.closed && chain.items.back().boundary == Presence::kPresent &&
                       chain.pinned_at != n_blocks - 1;
  switch (random() % 12) {
    case 0:
      return {StepKind::kEvict, "", "", static_cast<int>(random() % 3 * 200'000)};
    case 1:
      return {StepKind::kSweep};
    case 2:
      return {StepKind::kForget, name};
    case 3:
      if (chain.pinned_at >= 0) return {StepKind::kUnpin, name};
      break;
    case 4:
    case 5:
    case 6:
      if (may_pin) return {StepKind::kPin, name, "", n_blocks - 1};
      break;
    default:
      break;
  }
  if (!chain.closed && chain.items.size() < kBlocksMax)
    return {StepKind::kWriteBlock, name, "", n_blocks,
            random() % 3 == 0 ? Keep::kInterval : Keep::kNewest};
  if (may_pin) return {StepKind::kPin, name, "", n_blocks - 1};
  return {StepKind::kForget, name};
}

void writeBlock(ChainLife& chain, const Step& step) {
  if (step.keep == Keep::kNewest)
    for (int i = 0; i < static_cast<int>(chain.items.size()); ++i)
      if (auto& item = chain.items[static_cast<std::size_t>(i)];
          item.keep == Keep::kNewest && i != chain.pinned_at)
        item.boundary = Presence::kAbsent;
  chain.items.push_back({.keep = step.keep});
}

void evict(LifeModel& model, bool everything) {
  const auto lose = [&](Presence& presence) {
    if (everything || presence == Presence::kAbsent)
      presence = Presence::kAbsent;
    else
      presence = Presence::kMaybe;
  };
  for (auto& [name, chain] : model.chains)
    for (int i = 0; i < static_cast<int>(chain.items.size()); ++i) {
      auto& item = chain.items[static_cast<std::size_t>(i)];
      if (i != chain.pinned_at) lose(item.boundary);
      if (i <= chain.pinned_at) continue;
      lose(item.block);
      chain.closed = true;
    }
}

}  // namespace

std::string wordOf(const Said& said) { return said.text.substr(0, said.text.find(' ')); }

void LifeModel::reopen() {
  for (auto& [name, session] : sessions)
    if (isStreaming(session)) session.messages.back().status = MessageStatus::kStopped;
}

void LifeModel::apply(const Step& step) {
  ++n_names;
  switch (step.kind) {
    case StepKind::kCreate:
      sessions[step.name] = {.title = step.text, .messages = {}, .documents = {}};
      return;
    case StepKind::kAsk:
      sessions[step.name].messages.push_back({.text = step.text});
      return;
    case StepKind::kBeginAnswer:
      sessions[step.name].messages.push_back(
          {.text = "", .role = MessageRole::kAssistant, .status = MessageStatus::kStreaming});
      return;
    case StepKind::kGrowAnswer:
      sessions[step.name].messages.back().text = step.text;
      return;
    case StepKind::kEndAnswer: {
      Said& answer = sessions[step.name].messages.back();
      answer.text = step.text;
      answer.status = MessageStatus::kComplete;
      answer.n_citations = 2;
      return;
    }
    case StepKind::kRewind: {
      auto& messages = sessions[step.name].messages;
      for (std::size_t i = static_cast<std::size_t>(step.n); i < messages.size(); ++i)
        if (!messages[i].text.empty()) remember(gone_words, wordOf(messages[i]));
      messages.resize(static_cast<std::size_t>(step.n));
      return;
    }
    case StepKind::kRename:
      sessions[step.name].title = step.text;
      return;
    case StepKind::kDelete:
      for (const Said& said : sessions[step.name].messages)
        if (!said.text.empty()) remember(gone_words, wordOf(said));
      sessions.erase(step.name);
      return;
    case StepKind::kSetDocuments:
      sessions[step.name].documents = {{step.name + ".txt", step.text}};
      return;
    case StepKind::kReopen:
      return reopen();
    case StepKind::kWriteBlock:
      return writeBlock(chains[step.name], step);
    case StepKind::kPin:
      chains[step.name].pinned_at = step.n;
      return;
    case StepKind::kUnpin:
      chains[step.name].pinned_at = -1;
      return;
    case StepKind::kForget:
      // Without a pin nothing is forgotten; what is left of the chain is no longer followed.
      if (chains[step.name].pinned_at >= 0) remember(gone_chains, step.name);
      chains.erase(step.name);
      return;
    case StepKind::kEvict:
      return evict(*this, step.n == 0);
    case StepKind::kBackUp:
    case StepKind::kSweep:
      return;
  }
}

Step nextStep(const LifeModel& model, Topic topic, std::mt19937_64& random) {
  const std::uint64_t choice = random() % 40;
  if (choice == 0) return {StepKind::kReopen};
  if (topic == Topic::kSessions || (topic == Topic::kBoth && choice % 2 == 0))
    return nextOfSessions(model, random);
  return nextOfBlocks(model, random);
}

}  // namespace support
