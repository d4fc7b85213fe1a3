// session_turns.h: a branch as turns: a question and what was answered to it, counted from 1.
#pragma once

#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "storage/message_store.h"

namespace app {

struct Turn {
  base::MessageId question;
  base::MessageId end;  // its answer, or the question itself while there is none
  std::string text;     // of the question
};

std::vector<Turn> turnsOf(const std::vector<storage::Message>& messages);

// The last message of a turn; turn 0 ends before the first question: id 0. kNotFound.
base::Result<base::MessageId> endOfTurn(const std::vector<Turn>& turns, int turn);

}  // namespace app
