// message_store.h: the tree of messages of a session, its branches, and citations.
//
// A message knows the one before it; a branch is a name for the last message of one line of the
// tree. Forking copies nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/answer.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace storage {

class SessionFile;
class Statement;

enum class MessageRole { kSystem, kUser, kAssistant, kTool };
// "system", "user", "assistant", "tool": in the database, in exports and on the command line.
std::string_view messageRoleName(MessageRole role);
base::Result<MessageRole> messageRoleFromName(std::string_view name);  // kCorrupt

enum class MessageStatus {
  kStreaming,  // grows; not in the search index yet
  kComplete,
  kStopped,  // by the user, or by a crash while it was streaming
};

struct NewMessage {
  MessageRole role = MessageRole::kUser;
  std::string text;
  std::vector<base::TokenId> tokens;  // as they stand in the context; may be empty
  MessageStatus status = MessageStatus::kComplete;
};

// What a message has become so far.
struct MessageBody {
  std::string text;
  std::string thinking;               // the reasoning before the answer; may be empty
  std::vector<base::TokenId> tokens;  // as generated
};

// How a streamed message ended.
struct MessageEnd {
  MessageStatus status = MessageStatus::kComplete;
  base::FinishReason finish = base::FinishReason::kEnd;
  base::Usage usage;
  std::vector<base::Citation> citations;
};

struct Message {
  base::MessageId id;
  base::MessageId parent;  // 0 = the first of its line
  MessageRole role = MessageRole::kUser;
  std::string text;
  std::string thinking;
  std::vector<base::TokenId> tokens;
  MessageStatus status = MessageStatus::kComplete;
  base::FinishReason finish = base::FinishReason::kEnd;
  base::Usage usage;
  std::vector<base::Citation> citations;  // in the order of the answer
  std::int64_t created_ms = 0;            // Unix time
  bool damaged =
      false;  // the stored bytes changed since they were saved: show, do not rely on them
};

struct Branch {
  base::BranchId id;
  base::SessionId session;
  base::BranchId parent;       // 0 = the first branch
  base::MessageId fork_point;  // last message shared with the parent; 0 = none
  base::MessageId head;        // last message; 0 = empty
  std::string title;
  std::int64_t created_ms = 0;
};

// All that was said in a session. In a tree that is not stored yet, ids are positions in `messages`
// and `branches`, counted from 1, and parents come before their children.
struct MessageTree {
  std::vector<Message> messages;
  std::vector<Branch> branches;
};

class MessageStore {
 public:
  explicit MessageStore(SessionFile& file) : file_(file) {}

  base::Result<base::MessageId> append(base::BranchId branch, const NewMessage& message);
  // A streaming save: replaces the body. kInvalidInput unless the message is streaming.
  base::Status update(base::MessageId message, const MessageBody& body);
  // The last save: body, end and citations in one transaction. kInvalidInput unless streaming.
  base::Status finish(base::MessageId message, const MessageBody& body, const MessageEnd& end);

  base::Result<std::vector<Message>> messagesOf(base::BranchId branch);  // first message first

  base::Result<MessageTree> treeOf(base::SessionId session);
  // Stores a whole tree in a session that has its first branch and no message; returns the ids of
  // the branches. Messages keep their times. kInvalidInput for ids that name nothing before them.
  base::Result<std::vector<base::BranchId>> insertTree(base::SessionId session,
                                                       const MessageTree& tree);

  base::Result<std::vector<Branch>> branchesOf(base::SessionId session);
  base::Result<Branch> branch(base::BranchId branch);  // kNotFound
  // A branch that shares everything up to and including `last` with `from`; 0 shares nothing.
  // kInvalidInput if `last` does not belong to `from`.
  base::Result<base::BranchId> fork(base::BranchId from, base::MessageId last,
                                    const std::string& title);
  // Moves the head of a branch back to `last` (0 = to the start); what came after it is removed
  // unless another branch holds it.
  base::Status rewind(base::BranchId branch, base::MessageId last);
  // With what only it holds. kInvalidInput for the active branch of its session.
  base::Status removeBranch(base::BranchId branch);

  // After the sources changed: stores what a new comparison with the text said.
  base::Status setCitationChecks(base::MessageId message,
                                 std::span<const base::CitationCheck> checks);

 private:
  base::Result<std::vector<Message>> readMessages(Statement& query);
  base::Result<base::MessageId> insertMessage(const Branch& line, const NewMessage& message);
  base::Status replaceBody(base::MessageId message, const MessageBody& body);
  base::Result<base::MessageId> insertFinished(base::SessionId session, base::MessageId parent,
                                               const Message& message);
  base::Result<base::BranchId> putBranch(base::SessionId session, const Branch& branch);
  base::Status setHead(base::BranchId branch, base::MessageId head);
  base::Status removeUnheld(base::SessionId session);
  base::Status requireOnLine(const Branch& line, base::MessageId message);

  SessionFile& file_;
};

}  // namespace storage
