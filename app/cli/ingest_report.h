// ingest_report.h: the plan, the progress and the outcome of a reading, in words.
#pragma once

#include <cstdio>

#include "app/progress_line.h"
#include "app/reading_service.h"

namespace app {

// What is about to be read, how long it takes, what it needs.
void printPlan(std::FILE* out, const IngestPlan& plan);
// What is not in the context and why; at most `n_max` files by name.
void printSkipped(std::FILE* out, const std::vector<base::ReceiptEntry>& receipt,
                  std::size_t n_max = 20);
// What the disk changed of the snapshots, if anything, and what that cost.
void printDamage(std::FILE* out, const SnapshotDamage& damage);
// Events of a reading, shown on `line` (stderr). The plan goes to `plan_out`.
IngestEvents showIngest(ProgressLine& line, std::FILE* plan_out);
// The sentence of a restart, on stderr.
OnRestart showRestart();

}  // namespace app
