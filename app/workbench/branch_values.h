// branch_values.h: the branches of a session as the window shows them.
#pragma once

#include "app/reading_service.h"
#include "storage/storage.h"
#include "ui/values.h"

namespace app {

// Reads session.db only.
base::Result<ui::BranchesValue> branchesValue(ReadingService& service,
                                              const storage::Session& session);

// A branch of the session that holds the message: the active one if it does. kNotFound.
base::Result<base::BranchId> branchHolding(ReadingService& service,
                                           const storage::Session& session,
                                           base::MessageId message);

}  // namespace app
