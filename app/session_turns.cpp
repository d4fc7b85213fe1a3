#include "app/session_turns.h"

namespace app {

std::vector<Turn> turnsOf(const std::vector<storage::Message>& messages) {
  std::vector<Turn> turns;
  for (const storage::Message& message : messages) {
    if (message.role == storage::MessageRole::kUser)
      turns.push_back({message.id, message.id, message.text});
    else if (!turns.empty())
      turns.back().end = message.id;
  }
  return turns;
}

base::Result<base::MessageId> endOfTurn(const std::vector<Turn>& turns, int turn) {
  if (turn == 0) return base::MessageId{};
  if (turn > 0 && static_cast<std::size_t>(turn) <= turns.size())
    return turns[static_cast<std::size_t>(turn) - 1].end;
  return base::failure(base::ErrorCode::kNotFound,
                       "there is no turn " + std::to_string(turn) + "; the branch has " +
                           std::to_string(turns.size()),
                       "`lectern branch --session NAME` lists the turns; 0 is before the first.");
}

}  // namespace app
