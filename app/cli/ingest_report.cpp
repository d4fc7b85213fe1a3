#include "app/cli/ingest_report.h"

#include "engine/receipt_text.h"

namespace app {
namespace {

bool isRemarkable(const base::ReceiptEntry& entry) { return !entry.read || !entry.reason.empty(); }

}  // namespace

void printPlan(std::FILE* out, const IngestPlan& plan) {
  std::fprintf(out, "plan: %s of %s files, %s tokens of %s the model takes\n",
               countWords(plan.n_read).c_str(), countWords(plan.n_files).c_str(),
               countWords(plan.n_tokens).c_str(), countWords(plan.n_context_max).c_str());
  std::fprintf(out, "plan: reading takes %s%s\n",
               durationRange(plan.speed.secondsLow(plan.n_tokens),
                             plan.speed.secondsHigh(plan.n_tokens))
                   .c_str(),
               plan.speed.measured ? "" : " (rough: not measured on this machine yet)");
  std::fprintf(out, "plan: %s of memory, %s on disk\n", byteWords(plan.memory_bytes).c_str(),
               byteWords(plan.snapshot_bytes).c_str());
}

void printSkipped(std::FILE* out, const std::vector<base::ReceiptEntry>& receipt,
                  std::size_t n_max) {
  std::size_t n_shown = 0, n_more = 0;
  for (const base::ReceiptEntry& entry : receipt) {
    if (!isRemarkable(entry)) continue;
    if (n_shown == n_max) {
      ++n_more;
      continue;
    }
    ++n_shown;
    std::fprintf(out, "%s: %s (%s)%s%s\n", entry.read ? "note" : "skipped",
                 engine::oneLine(entry.path).c_str(), entry.reason.c_str(),
                 entry.detail.empty() ? "" : ": ", engine::oneLine(entry.detail).c_str());
  }
  if (n_more > 0) std::fprintf(out, "... and %zu more: `lectern files` lists all\n", n_more);
}

void printDamage(std::FILE* out, const SnapshotDamage& damage) {
  if (!damage.any()) return;
  const std::string what =
      damage.file_replaced
          ? "snapshots.db was damaged, is kept as snapshots.db.damaged, and was begun anew"
          : countWords(damage.n_dropped) + " stored parts were damaged and dropped";
  std::fprintf(out, "%s: %s tokens were read again from the text, nothing is lost\n", what.c_str(),
               countWords(damage.n_read_again).c_str());
}

IngestEvents showIngest(ProgressLine& line, std::FILE* plan_out) {
  IngestEvents events;
  events.on_file = [&line](std::size_t n_done, std::size_t n_files) {
    line.show("opened " + std::to_string(n_done) + " of " + std::to_string(n_files) + " files");
  };
  events.on_plan = [plan_out](const IngestPlan& plan) {
    printPlan(plan_out, plan);
    std::fflush(plan_out);
  };
  events.on_progress = [&line](const base::Progress& progress) { line.show(progress); };
  events.on_restart = showRestart();
  return events;
}

OnRestart showRestart() {
  return [](const base::Error& error) {
    std::fprintf(stderr, "%s; it is started again and goes on from what is on disk\n",
                 error.message.c_str());
  };
}

}  // namespace app
