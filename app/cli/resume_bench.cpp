#include "app/cli/resume_bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "app/block_store_adapter.h"
#include "engine/base/hash.h"
#include "engine/block_key.h"
#include "engine/kv_layout.h"
#include "engine/row_cache.h"
#include "engine/sequence.h"
#include "engine/stored_block.h"
#include "storage/block_database.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;
using base::TokenId;
using engine::kBlockTokens;

namespace {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::byte>;

constexpr std::int64_t kShortest = 16384;
constexpr std::int64_t kQuestionTokens = 32, kTurnTokens = 3000;
constexpr int kRepetitions = 3;                                 // of which the median counts
constexpr std::int64_t kWrittenBytes = std::int64_t{256} << 20;  // to measure the speed of writing

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

class OwnFolder {
 public:
  static Result<OwnFolder> make(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::create_directories(path, error)) return OwnFolder(path);
    return failure(ErrorCode::kIo, "cannot make " + path.string(), "Remove it, or give --data.");
  }
  OwnFolder(OwnFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~OwnFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }

 private:
  explicit OwnFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Out of the page cache; pages that are mapped or not yet written stay.
void forget(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

void forgetAll(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return forget(path);
  for (const auto& entry : std::filesystem::directory_iterator(path, error))
    if (entry.is_regular_file(error)) forget(entry.path());
}

std::vector<TokenId> randomTokens(std::int64_t n, std::int64_t vocab) {
  std::mt19937 random(1);
  std::vector<TokenId> tokens(static_cast<std::size_t>(n));
  for (TokenId& token : tokens)
    token = static_cast<TokenId>(random() % static_cast<std::uint64_t>(vocab));
  return tokens;
}

std::int64_t fileBytes(const std::filesystem::path& folder) {
  std::error_code error;
  const auto n_bytes = std::filesystem::file_size(folder / "snapshots.db", error);
  return error ? 0 : static_cast<std::int64_t>(n_bytes);
}

// --- speed of writing ---------------------------------------------------------------------------

// The blocks one after the other into a file; `each`: synced after each, else at the end.
Result<double> writeRaw(const std::filesystem::path& file, const std::vector<Bytes>& blocks,
                        bool each) {
  const int descriptor = ::open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor < 0) return failure(ErrorCode::kIo, "cannot write " + file.string());
  const auto begin = Clock::now();
  bool good = true;
  for (const Bytes& block : blocks) {
    const auto n = static_cast<ssize_t>(block.size());
    good = good && ::write(descriptor, block.data(), block.size()) == n;
    good = good && (!each || ::fsync(descriptor) == 0);
  }
  good = good && ::fsync(descriptor) == 0;
  const double seconds = secondsSince(begin);
  ::close(descriptor);
  std::filesystem::remove(file);
  if (!good) return failure(ErrorCode::kIo, "cannot write " + file.string());
  return seconds;
}

Hash128 numberedKey(std::int64_t n) {
  return base::Hasher().add(std::int64_t{0x62656e6368}).add(n).digest();
}

Result<double> writeStored(const std::filesystem::path& folder, const engine::KvLayout& layout,
                           const std::vector<Bytes>& blocks) {
  TRY_ASSIGN(const OwnFolder own, OwnFolder::make(folder));
  TRY_ASSIGN(const auto database, storage::BlockDatabase::open(folder));
  BlockStoreAdapter store(*database);
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    TRY(store.writeBlock({.key = numberedKey(n + 1),
                          .parent = numberedKey(n),
                          .position_end = (n + 1) * kBlockTokens,
                          .payload = blocks[i],
                          .cuts = layout.cuts},
                         nullptr));
  }
  return secondsSince(begin);
}

// Interleaved, medians.
Result<WriteSpeeds> measureWriting(const std::filesystem::path& folder,
                                   const engine::KvLayout& layout,
                                   const std::vector<Bytes>& blocks) {
  std::vector<double> stored, raw, bulk;
  for (int i = 0; i < kRepetitions; ++i) {
    TRY_ASSIGN(const double raw_s, writeRaw(folder / "raw", blocks, true));
    TRY_ASSIGN(const double stored_s, writeStored(folder / "written", layout, blocks));
    TRY_ASSIGN(const double bulk_s, writeRaw(folder / "raw", blocks, false));
    raw.push_back(raw_s);
    stored.push_back(stored_s);
    bulk.push_back(bulk_s);
  }
  const auto bytes = static_cast<double>(blocks.size() * blocks.front().size());
  return WriteSpeeds{bytes / median(stored), bytes / median(raw), bytes / median(bulk)};
}

// --- a model ------------------------------------------------------------------------------------

Result<double> resumeOnce(const std::filesystem::path& folder, const std::filesystem::path& model,
                          const engine::EngineOptions& options, std::span<const TokenId> tokens,
                          std::int64_t n_stored, std::stop_token stop) {
  const auto begin = Clock::now();
  TRY_ASSIGN(const auto database, storage::BlockDatabase::open(folder));
  BlockStoreAdapter store(*database);
  TRY_ASSIGN(const auto engine, engine::Engine::open(model, options, &store));
  TRY_ASSIGN(const auto sequence, engine->newSequence());
  const auto wanted = tokens.first(static_cast<std::size_t>(n_stored + kQuestionTokens));
  TRY_ASSIGN(const auto report, sequence->sync(wanted, nullptr, stop));
  const double seconds = secondsSince(begin);
  if (report.n_reused == n_stored) return seconds;
  return failure(ErrorCode::kInternal, "of " + std::to_string(n_stored) + " stored tokens only " +
                                           std::to_string(report.n_reused) + " came back");
}

// As many whole blocks of the first tokens as are needed to measure the speed of writing.
Result<std::vector<Bytes>> firstBlocks(engine::BlockStore& store, const engine::Engine& engine,
                                       std::span<const TokenId> tokens) {
  std::vector<Bytes> blocks;
  Hash128 key = engine::rootKey(engine.fingerprint());
  const auto n_most =
      static_cast<std::size_t>(kWrittenBytes / engine.layout().block_bytes + 1);
  for (; tokens.size() >= kBlockTokens && blocks.size() < n_most;
       tokens = tokens.subspan(kBlockTokens)) {
    key = engine::blockKey(engine.fingerprint(), key, tokens.first(kBlockTokens));
    TRY_ASSIGN(Bytes block, engine::readWholeBlock(store, engine.layout(), key));
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// Reads and stores all, a snapshot at each of `lengths`; then one more turn.
Result<StoreCost> readAndStore(const std::filesystem::path& folder,
                               const std::filesystem::path& model,
                               const engine::EngineOptions& options,
                               const std::vector<std::int64_t>& lengths, std::stop_token stop) {
  TRY_ASSIGN(const auto database, storage::BlockDatabase::open(folder));
  BlockStoreAdapter store(*database);
  TRY_ASSIGN(const auto engine, engine::Engine::open(model, options, &store));
  TRY_ASSIGN(const auto sequence, engine->newSequence());
  const std::int64_t n_all = lengths.back();
  const auto tokens = randomTokens(n_all + kTurnTokens, engine->config().vocab);
  const std::span<const TokenId> all = tokens;
  StoreCost cost;
  cost.n_tokens = n_all;
  std::string session = "bench";
  const auto snapshot = [&](std::int64_t n) -> Status {
    TRY(sequence->sync(all.first(static_cast<std::size_t>(n)), nullptr, stop));
    TRY_ASSIGN(const Hash128 key, sequence->saveBoundary(engine::Keep::kTurnEnd, stop));
    return database->pin(session, key);
  };
  for (const std::int64_t n : lengths) TRY(snapshot(n));
  cost.file_bytes = fileBytes(folder);
  cost.packed_bytes = static_cast<std::int64_t>(
      engine::kvBytesPerToken(engine->config(), options.numerics) * static_cast<double>(n_all));
  TRY_ASSIGN(const auto before, database->stats());
  TRY(snapshot(n_all + kTurnTokens));
  TRY_ASSIGN(const auto after, database->stats());
  const std::int64_t n_blocks = after.n_blocks - before.n_blocks;
  const std::int64_t state_bytes =
      after.payload_bytes - before.payload_bytes - n_blocks * engine->layout().block_bytes;
  cost.turn_bytes = fileBytes(folder) - cost.file_bytes;
  cost.turn_states = after.n_boundaries - before.n_boundaries;
  cost.turn_least_bytes = n_blocks * engine->layout().block_bytes +
                          state_bytes / std::max<std::int64_t>(1, cost.turn_states);
  TRY_ASSIGN(const auto blocks, firstBlocks(store, *engine, all));
  TRY_ASSIGN(cost.speeds, measureWriting(folder, engine->layout(), blocks));
  return cost;
}

}  // namespace

Result<ResumeFigures> measureResume(const std::filesystem::path& folder,
                                    const std::filesystem::path& model,
                                    const engine::EngineOptions& options, std::int64_t n_tokens,
                                    std::stop_token stop) {
  TRY_ASSIGN(const OwnFolder own, OwnFolder::make(folder));
  std::vector<std::int64_t> lengths;
  for (std::int64_t n = kShortest; n < n_tokens; n *= 2) lengths.push_back(n);
  lengths.push_back(n_tokens);
  ResumeFigures figures;
  TRY_ASSIGN(figures.cost, readAndStore(folder, model, options, lengths, stop));
  TRY_ASSIGN(const auto config_of, engine::Engine::open(model, options));
  const auto tokens = randomTokens(n_tokens + kTurnTokens, config_of->config().vocab);
  for (const std::int64_t n : lengths) {
    std::vector<double> warm, cold;
    for (int i = 0; i < kRepetitions; ++i) {
      forgetAll(folder);
      forgetAll(model);
      TRY_ASSIGN(const double cold_s, resumeOnce(folder, model, options, tokens, n, stop));
      TRY_ASSIGN(const double warm_s, resumeOnce(folder, model, options, tokens, n, stop));
      cold.push_back(cold_s);
      warm.push_back(warm_s);
    }
    figures.points.push_back({n, median(warm), median(cold)});
  }
  return figures;
}

// --- rows alone ---------------------------------------------------------------------------------

namespace {

// Random, but reproducible: nothing that packing could make smaller.
Bytes randomBlock(std::int64_t n, std::mt19937_64& random) {
  Bytes block(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i + 8 <= block.size(); i += 8) {
    const std::uint64_t value = random();
    std::memcpy(block.data() + i, &value, 8);
  }
  return block;
}

// Opens the file, reads the heads and then what one token selects, anywhere, in every layer.
Result<double> readOnce(const std::filesystem::path& folder, const engine::ModelConfig& config,
                        const engine::KvLayout& layout, std::int64_t n_blocks,
                        std::int64_t& read_bytes) {
  std::mt19937 random(7);
  const auto begin = Clock::now();
  TRY_ASSIGN(const auto database, storage::BlockDatabase::open(folder));
  BlockStoreAdapter store(*database);
  const auto rows = std::make_shared<engine::RowCache>(layout, config.index_topk, &store, 0);
  engine::SequenceState state = engine::emptyState(layout);
  const std::vector<TokenId> ids(kBlockTokens);
  for (std::int64_t n = 0; n < n_blocks; ++n) {
    Bytes head(static_cast<std::size_t>(layout.head_bytes));
    engine::PieceRead read;
    read.key = numberedKey(n + 1);
    read.to = head;
    store.readPieces({&read, 1});
    TRY(read.done);
    state.blocks.push_back(rows->pagedBlock(read.key, ids, std::move(head)));
  }
  std::vector<const std::byte*> pages;
  std::vector<std::int32_t> selected(static_cast<std::size_t>(config.index_topk));
  for (const engine::LayerKvLayout& layer : layout.layers) {
    if (layer.page_rows == 0) continue;
    const auto n_rows = static_cast<std::uint32_t>(n_blocks * layer.rows_per_block);
    for (std::int32_t& row : selected) row = static_cast<std::int32_t>(random() % n_rows);
    TRY(rows->bring(state, layer, selected, config.index_topk, pages));
  }
  read_bytes = n_blocks * layout.head_bytes + rows->statistics().bytes_read;
  return secondsSince(begin);
}

}  // namespace

Result<RowFigures> measureRows(const std::filesystem::path& folder,
                               const engine::ModelConfig& config, std::int64_t n_tokens,
                               std::stop_token stop) {
  TRY_ASSIGN(const OwnFolder own, OwnFolder::make(folder));
  const engine::KvLayout layout(config, engine::Numerics::kOfficial);
  const std::int64_t n_blocks = std::max<std::int64_t>(1, n_tokens / kBlockTokens);
  std::mt19937_64 random(1);
  RowFigures figures;
  figures.cost.n_tokens = n_blocks * kBlockTokens;
  figures.cost.packed_bytes = n_blocks * layout.block_bytes;
  std::vector<Bytes> sample;
  {
    TRY_ASSIGN(const auto database, storage::BlockDatabase::open(folder));
    BlockStoreAdapter store(*database);
    for (std::int64_t n = 0; n < n_blocks; ++n) {
      if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "measuring was stopped");
      Bytes block = randomBlock(layout.block_bytes, random);
      TRY(store.writeBlock({.key = numberedKey(n + 1),
                            .parent = numberedKey(n),
                            .position_end = (n + 1) * kBlockTokens,
                            .payload = block,
                            .cuts = layout.cuts},
                           nullptr));
      if (static_cast<std::int64_t>(sample.size()) * layout.block_bytes < kWrittenBytes)
        sample.push_back(std::move(block));
    }
  }
  figures.cost.file_bytes = fileBytes(folder);
  TRY_ASSIGN(figures.cost.speeds, measureWriting(folder, layout, sample));
  std::vector<double> warm, cold;
  for (int i = 0; i < kRepetitions; ++i) {
    forgetAll(folder);
    TRY_ASSIGN(const double cold_s,
               readOnce(folder, config, layout, n_blocks, figures.read_bytes));
    TRY_ASSIGN(const double warm_s,
               readOnce(folder, config, layout, n_blocks, figures.read_bytes));
    cold.push_back(cold_s);
    warm.push_back(warm_s);
  }
  figures.cold_s = median(cold);
  figures.warm_s = median(warm);
  return figures;
}

}  // namespace app
