// resume_bench.h: what keeping a context on the disk costs, and how soon it is gone on with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <vector>

#include "engine/base/result.h"
#include "engine/engine.h"
#include "engine/model_config.h"

namespace app {

// Seconds from opening snapshots.db and the model to the first token behind the stored ones: with
// the files in the page cache, and without.
struct ResumePoint {
  std::int64_t n_tokens = 0;
  double warm_s = 0, cold_s = 0;
};

// Bytes per second onto the disk.
struct WriteSpeeds {
  double stored_b_s = 0;  // blocks into snapshots.db, each safe before the next
  double raw_b_s = 0;     // the same bytes into a file, synced after each block
  double bulk_b_s = 0;    // and synced once, at the end
};

struct StoreCost {
  std::int64_t n_tokens = 0;
  std::int64_t file_bytes = 0, packed_bytes = 0;  // snapshots.db; rows alone (specification §14.4)
  WriteSpeeds speeds;
  // A second snapshot after one more turn: what the file grew by, and the new blocks and one state.
  std::int64_t turn_bytes = 0, turn_least_bytes = 0, turn_states = 0;
};

struct ResumeFigures {
  std::vector<ResumePoint> points;  // by length
  StoreCost cost;
};

// Reads random tokens, stores them at every power of two from 16,384 on and at n_tokens, and resumes
// from each. Everything lies in `folder`, which must not exist and is removed.
base::Result<ResumeFigures> measureResume(const std::filesystem::path& folder,
                                          const std::filesystem::path& model,
                                          const engine::EngineOptions& options,
                                          std::int64_t n_tokens, std::stop_token stop);

// Reading alone, of random blocks laid out as a model's with this configuration: the heads of all
// blocks, and the rows that one token selects anywhere in every layer.
struct RowFigures {
  StoreCost cost;
  std::int64_t read_bytes = 0;
  double warm_s = 0, cold_s = 0;
};
base::Result<RowFigures> measureRows(const std::filesystem::path& folder,
                                     const engine::ModelConfig& config, std::int64_t n_tokens,
                                     std::stop_token stop);

}  // namespace app
