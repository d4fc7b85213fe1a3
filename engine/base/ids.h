// ids.h: strong names for numbers that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace base {

// Vocabulary id. Plain, because whole contexts are arrays of it.
using TokenId = std::int32_t;

template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
  explicit operator bool() const { return value != 0; }
};

using WorkspaceId = Id<struct WorkspaceTag>;
using SourceId = Id<struct SourceTag>;      // a folder or file the user added
using DocumentId = Id<struct DocumentTag>;  // one version of one document
using SessionId = Id<struct SessionTag>;
using BranchId = Id<struct BranchTag>;
using MessageId = Id<struct MessageTag>;
using SequenceId = Id<struct SequenceTag>;  // one live sequence in lectern-engine

}  // namespace base
