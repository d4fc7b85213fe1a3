// life_model.h: what two databases must hold after a made-up life: questions, answers, deletes,
// blocks, pins, evictions.
//
// A life is a function of its seed and of the state it starts from. A process that is killed need
// only say how many steps it finished: who knows the seed knows what must be there, exactly, and
// the one step more that may be.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace support {

struct Said {
  std::string text;
  storage::MessageRole role = storage::MessageRole::kUser;
  storage::MessageStatus status = storage::MessageStatus::kComplete;
  int n_citations = 0;
};

struct SessionLife {
  std::string title;
  std::vector<Said> messages;
  std::map<std::string, std::string> documents;  // path -> text
};

enum class Presence { kAbsent, kPresent, kMaybe };

// A chain of blocks, each with a boundary state at its end.
struct ChainLife {
  struct Item {
    Presence block = Presence::kPresent;
    Presence boundary = Presence::kPresent;
    storage::Keep keep = storage::Keep::kNewest;
  };
  std::vector<Item> items;
  int pinned_at = -1;   // index of the block whose boundary state is pinned
  bool closed = false;  // blocks at its end may be gone: nothing continues it any more
};

enum class StepKind {
  kCreate,
  kAsk,
  kBeginAnswer,
  kGrowAnswer,
  kEndAnswer,
  kRewind,
  kRename,
  kDelete,
  kSetDocuments,
  kBackUp,
  kReopen,
  kWriteBlock,
  kPin,
  kUnpin,
  kForget,
  kEvict,
  kSweep,
};

struct Step {
  StepKind kind = StepKind::kSweep;
  std::string name = {};  // of the session or chain
  std::string text = {};  // message, title or document
  int n = 0;              // messages that stay, block of the chain, payload bytes that stay
  storage::Keep keep = storage::Keep::kNewest;
};

enum class Topic { kSessions, kBlocks, kBoth };

struct LifeModel {
  std::map<std::string, SessionLife> sessions;
  std::map<std::string, ChainLife> chains;
  std::vector<std::string> gone_words, gone_chains;  // must not be found any more; the latest few
  int n_names = 0;

  void apply(const Step& step);
  // What opening does: answers that were streaming are stopped.
  void reopen();
};

// The next step of a life in this state.
Step nextStep(const LifeModel& model, Topic topic, std::mt19937_64& random);

// A word that only this message has.
std::string wordOf(const Said& said);

}  // namespace support
