// answer_json.h: answers and what proves them, in the shape design §8 promises to scripts.
#pragma once

#include <vector>

#include "app/reading_service.h"
#include "engine/base/answer.h"
#include "engine/base/document.h"
#include "engine/base/span.h"
#include "engine/json.h"

namespace app {

engine::Json boxesJson(const std::vector<base::Box>& boxes);  // [[x0, y0, x1, y1], ...]
engine::Json citationJson(const base::Citation& citation);
engine::Json usageJson(const base::Usage& usage);
engine::Json damageJson(const SnapshotDamage& damage);
engine::Json answerJson(const Answer& answer);
engine::Json receiptJson(const std::vector<base::ReceiptEntry>& receipt);

}  // namespace app
