// ingest_bench FOLDER [MODEL]: how fast a folder becomes a plan, and its bytes tokens with segments.
//
// Prints one line a stage, and the peak of memory beside the bytes of the input. Run it twice: the
// second time the page cache is warm.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <sys/resource.h>

#include "app/document_reader.h"
#include "app/session_text.h"
#include "app/source_plan.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double peakMiB() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

int failed(const base::Error& error) {
  std::fprintf(stderr, "ingest_bench: %s\n", error.message.c_str());
  return 1;
}

int measure(const fs::path& folder, const fs::path& model, const fs::path& reader) {
  auto begin = Clock::now();
  const fs::path paths[] = {folder};
  const auto plan = app::planSources(paths, {});
  if (!plan) return failed(plan.error());
  const double plan_s = secondsSince(begin);
  const double mb = static_cast<double>(plan->readBytes()) / 1e6;
  std::printf("plan:    %zu entries, %lld to read, %.1f MB: %.3f s\n", plan->files.size(),
              static_cast<long long>(plan->readCount()), mb, plan_s);
  if (model.empty()) return 0;

  auto tokenizer = engine::Tokenizer::open(model);
  if (!tokenizer) return failed(tokenizer.error());
  begin = Clock::now();
  auto read = app::readFiles(*plan, reader, nullptr, {});
  if (!read) return failed(read.error());
  const double read_s = secondsSince(begin);
  begin = Clock::now();
  app::SessionText text;
  text.documents = std::move(read->documents);
  text.receipt = std::move(read->receipt);
  const auto context = app::corpusContext(*tokenizer, text);
  if (!context) return failed(context.error());
  const double encode_s = secondsSince(begin);
  const double total_s = read_s + encode_s;
  std::printf("read:    %.3f s, %.1f MB/s\n", read_s, mb / read_s);
  std::printf("encode:  %.3f s, %.1f MB/s: %zu tokens, %zu segments\n", encode_s, mb / encode_s,
              context->context().tokens.size(), context->context().segments.size());
  std::printf("bytes to tokens: %.3f s, %.1f MB/s; peak memory %.0f MiB, %.2f x input\n", total_s,
              mb / total_s, peakMiB(), peakMiB() * 1.048576 / mb);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: ingest_bench FOLDER [MODEL]\n", stderr);
    return 2;
  }
  const fs::path reader = fs::path(argv[0]).parent_path() / "lectern-reader";
  return measure(argv[1], argc == 3 ? argv[2] : "", reader);
}
