#include "app/workbench/branch_values.h"

#include <algorithm>
#include <map>

#include "app/workbench/shown_values.h"

namespace app {
namespace {

using MessagesById = std::map<base::MessageId, const storage::Message*>;

MessagesById byId(const storage::MessageTree& tree) {
  MessagesById messages;
  for (const storage::Message& message : tree.messages) messages[message.id] = &message;
  return messages;
}

// First message first.
std::vector<const storage::Message*> lineOf(const storage::Branch& branch,
                                            const MessagesById& messages) {
  std::vector<const storage::Message*> line;
  for (auto found = messages.find(branch.head); found != messages.end();
       found = messages.find(found->second->parent))
    line.push_back(found->second);
  std::reverse(line.begin(), line.end());
  return line;
}

std::vector<ui::TurnValue> turnsOf(const std::vector<const storage::Message*>& line) {
  std::vector<ui::TurnValue> turns;
  for (const storage::Message* message : line) {
    const auto n_tokens = static_cast<std::int64_t>(message->tokens.size());
    if (message->role == storage::MessageRole::kUser) {
      turns.push_back({.question = message->id,
                       .answer = {},
                       .words = shown(message->text),
                       .tokens = n_tokens});
    } else if (!turns.empty()) {
      turns.back().answer = message->id;
      turns.back().tokens += n_tokens;
    }
  }
  return turns;
}

// A branch that nobody named: the first one is the main one, the others are counted.
QString titleOf(const storage::Branch& branch, std::size_t position, bool with_number) {
  if (!branch.title.empty()) return shown(branch.title);
  if (position == 0) return "main";
  return with_number ? QString("branch %1").arg(position + 1) : QString();
}

}  // namespace

base::Result<ui::BranchesValue> branchesValue(ReadingService& service,
                                              const storage::Session& session) {
  TRY_ASSIGN(const storage::MessageTree tree, service.database().messages().treeOf(session.id));
  TRY_ASSIGN(const auto documents, service.documents(session.id));
  ui::BranchesValue value;
  value.session = session.id;
  value.active = session.branch;
  for (const storage::DocumentInfo& document : documents)
    value.source_tokens += document.use.n_tokens;
  const MessagesById messages = byId(tree);
  for (std::size_t i = 0; i < tree.branches.size(); ++i)
    if (tree.branches[i].id == session.branch) {
      value.active_title = titleOf(tree.branches[i], i, true);
      value.turns = turnsOf(lineOf(tree.branches[i], messages));
    }
  for (std::size_t i = 0; i < tree.branches.size(); ++i) {
    if (tree.branches[i].id == session.branch) continue;
    ui::BranchValue branch;
    branch.id = tree.branches[i].id;
    branch.turns = turnsOf(lineOf(tree.branches[i], messages));
    const auto same = [](const ui::TurnValue& a, const ui::TurnValue& b) {
      return a.question == b.question && a.answer == b.answer;
    };
    const auto forked = std::mismatch(branch.turns.begin(), branch.turns.end(),
                                      value.turns.begin(), value.turns.end(), same);
    branch.n_shared = static_cast<int>(forked.first - branch.turns.begin());
    branch.turns.erase(branch.turns.begin(), forked.first);
    // One with questions of its own is known by them.
    branch.title = titleOf(tree.branches[i], i, branch.turns.empty());
    value.others.push_back(std::move(branch));
  }
  return value;
}

base::Result<base::BranchId> branchHolding(ReadingService& service,
                                           const storage::Session& session,
                                           base::MessageId message) {
  TRY_ASSIGN(const storage::MessageTree tree, service.database().messages().treeOf(session.id));
  const MessagesById messages = byId(tree);
  base::BranchId found;
  for (const storage::Branch& branch : tree.branches) {
    if (found && branch.id != session.branch) continue;
    for (const storage::Message* said : lineOf(branch, messages))
      if (said->id == message) found = branch.id;
  }
  if (found) return found;
  return base::failure(base::ErrorCode::kNotFound, "what was found is not there any more",
                       "Search again.");
}

}  // namespace app
