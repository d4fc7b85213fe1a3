// lectern bench: how fast this machine reads and answers with a model. The tokens are random: the
// time of a pass does not depend on what they say.
#include <chrono>
#include <cstdio>
#include <memory>
#include <ostream>
#include <random>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include "app/cli/bench_stages.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/disk_speed.h"
#include "app/cli/engine_flags.h"
#include "app/cli/resume_bench.h"
#include "app/cli/speed_plot.h"
#include "app/progress_line.h"
#include "engine/base/replace_file.h"
#include "engine/machine_peak.h"
#include "engine/sequence.h"
#include "engine/weights.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::int64_t n_prompt = 4096, n_generate = 64, n_depth = 0, n_branches = 1;
  std::string plot;  // SVG of the speed of reading against depth, or of the time to resume
  bool resume = false;
  std::string layout;  // config.json of a model whose rows are written and read, without the model
  EngineFlags engine;
};

struct Measured {
  double load_s = 0, depth_s = 0, prefill_s = 0, decode_s = 0;
  engine::StageTimes prefill, decode;
  std::vector<PlotPoint> curve;
  std::int64_t prefill_bytes = 0, decode_bytes = 0;  // read from the disk meanwhile
};

// Points of the curve: one for every such share of the prompt.
constexpr std::int64_t kCurvePoints = 64;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double perSecond(std::int64_t n, double seconds) {
  return seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

std::vector<base::TokenId> randomTokens(std::int64_t n, std::int64_t vocab) {
  std::mt19937 random(1);
  std::vector<base::TokenId> tokens(static_cast<std::size_t>(n));
  for (base::TokenId& token : tokens)
    token = static_cast<base::TokenId>(random() % static_cast<std::uint64_t>(vocab));
  return tokens;
}

// Speeds of stretches of the prompt, taken from the reports of progress.
class SpeedCurve {
 public:
  SpeedCurve(std::int64_t depth, std::int64_t n)
      : depth_(depth), step_(std::max<std::int64_t>(n / kCurvePoints, 1)) {}

  void add(const base::Progress& at) {
    if (at.n_done - last_done_ < step_ && at.n_done < at.n_total) return;
    const double seconds = at.elapsed_s - last_s_;
    points_.push_back({depth_ + last_done_, perSecond(at.n_done - last_done_, seconds)});
    last_done_ = at.n_done;
    last_s_ = at.elapsed_s;
  }
  std::vector<PlotPoint> take() { return std::move(points_); }

 private:
  const std::int64_t depth_, step_;
  std::int64_t last_done_ = 0;
  double last_s_ = 0;
  std::vector<PlotPoint> points_;
};

// The same tokens for every branch of the sequence, all branches in one batch.
base::Status decodeBranches(std::unique_ptr<engine::Sequence> sequence,
                            std::span<const base::TokenId> tokens, std::int64_t n_branches,
                            std::stop_token stop) {
  std::vector<std::unique_ptr<engine::Sequence>> branches;
  for (std::int64_t i = 1; i < n_branches; ++i) branches.push_back(sequence->fork());
  branches.push_back(std::move(sequence));
  std::vector<engine::Sequence*> together;
  for (const auto& branch : branches) together.push_back(branch.get());
  for (const base::TokenId token : tokens) {
    const std::vector<base::TokenId> ids(together.size(), token);
    const auto rows = engine::Sequence::decodeTogether(together, ids, stop);
    for (const base::Status& done : rows) TRY(done);
  }
  return {};
}

Result<Measured> measure(const engine::Engine& engine, const Options& options,
                         engine::StageTimes& times, std::stop_token stop) {
  const std::int64_t n_read = options.n_depth + options.n_prompt;
  const std::vector<base::TokenId> tokens =
      randomTokens(n_read + options.n_generate, engine.config().vocab);
  const std::span<const base::TokenId> all = tokens;
  Measured measured;
  ProgressLine progress;
  const auto show = [&](const base::Progress& at) { progress.show(at); };
  TRY_ASSIGN(auto sequence, engine.newSequence());
  auto begin = Clock::now();
  if (options.n_depth > 0)
    TRY(sequence->sync(all.first(static_cast<std::size_t>(options.n_depth)), show, stop));
  measured.depth_s = secondsSince(begin);

  SpeedCurve curve(options.n_depth, options.n_prompt);
  const auto record = [&](const base::Progress& at) {
    progress.show(at);
    curve.add(at);
  };
  const auto bytes_read = [&] {
    const engine::WeightStore* store = engine.weights().store();
    return store != nullptr ? store->statistics().bytes : 0;
  };
  times = {};
  std::int64_t before = bytes_read();
  begin = Clock::now();
  if (options.n_prompt > 0)
    TRY(sequence->sync(all.first(static_cast<std::size_t>(n_read)), record, stop));
  measured.prefill_s = secondsSince(begin);
  measured.prefill = times;
  measured.curve = curve.take();
  measured.prefill_bytes = bytes_read() - before;

  times = {};
  before = bytes_read();
  begin = Clock::now();
  TRY(decodeBranches(std::move(sequence), all.last(static_cast<std::size_t>(options.n_generate)),
                     options.n_branches, stop));
  measured.decode_s = secondsSince(begin);
  measured.decode = times;
  measured.decode_bytes = bytes_read() - before;
  return measured;
}

// What streams, beside what the disk gives alone.
struct Streaming {
  double prefill_b_s = 0, decode_b_s = 0, disk_b_s = 0;
};

Streaming streamingOf(const engine::Engine& engine, const Measured& measured) {
  if (engine.weights().store() == nullptr) return {};
  return {.prefill_b_s = perSecond(measured.prefill_bytes, measured.prefill_s),
          .decode_b_s = perSecond(measured.decode_bytes, measured.decode_s),
          .disk_b_s = diskReadSpeed(engine.weights().files(), 1.0)};
}

Json costJson(const StoreCost& cost) {
  return {{"tokens", cost.n_tokens},
          {"file_bytes", cost.file_bytes},
          {"packed_bytes", cost.packed_bytes},
          {"write_b_s", cost.speeds.stored_b_s},
          {"raw_file_b_s", cost.speeds.raw_b_s},
          {"raw_file_synced_once_b_s", cost.speeds.bulk_b_s},
          {"turn_bytes", cost.turn_bytes},
          {"turn_least_bytes", cost.turn_least_bytes}};
}

void printCost(const StoreCost& cost) {
  const auto bytes = [](double n) { return byteWords(static_cast<std::int64_t>(n)); };
  std::printf("stored  %10s for %s tokens, %.3f of their packed rows\n",
              byteWords(cost.file_bytes).c_str(), countWords(cost.n_tokens).c_str(),
              static_cast<double>(cost.file_bytes) / static_cast<double>(cost.packed_bytes));
  std::printf("writing %10s/s block by block; a file synced so %s/s, synced once %s/s\n",
              bytes(cost.speeds.stored_b_s).c_str(), bytes(cost.speeds.raw_b_s).c_str(),
              bytes(cost.speeds.bulk_b_s).c_str());
  if (cost.turn_least_bytes > 0)
    std::printf("a turn  %10s more; its blocks and one state are %s\n",
                byteWords(cost.turn_bytes).c_str(), byteWords(cost.turn_least_bytes).c_str());
}

Result<int> runRows(const Options& options, const Paths& paths, const Invocation& invocation) {
  TRY_ASSIGN(const engine::ModelConfig config, engine::ModelConfig::read(options.layout));
  TRY_ASSIGN(const RowFigures rows,
             measureRows(paths.data / "bench", config, options.n_prompt, invocation.stop));
  if (invocation.json) {
    Json json = costJson(rows.cost);
    json.update({{"read_bytes", rows.read_bytes}, {"warm_s", rows.warm_s}, {"cold_s", rows.cold_s}});
    printJson(json);
    return kDone;
  }
  printCost(rows.cost);
  std::printf("resume  %10.3f s warm, %.3f s cold, %s read\n", rows.warm_s, rows.cold_s,
              byteWords(rows.read_bytes).c_str());
  return kDone;
}

Result<int> runResume(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const Paths paths, invocation.paths());
  TRY(makeFolders(paths));
  if (!options.layout.empty()) return runRows(options, paths, invocation);
  TRY_ASSIGN(const ResumeFigures figures,
             measureResume(paths.data / "bench", paths.model, engineOptions(options.engine),
                           options.n_prompt, invocation.stop));
  PlotLine warm{"in the page cache", {}}, cold{"from the disk", {}};
  Json points = Json::array();
  for (const ResumePoint& point : figures.points) {
    warm.points.push_back({point.n_tokens, point.warm_s});
    cold.points.push_back({point.n_tokens, point.cold_s});
    points.push_back(
        {{"tokens", point.n_tokens}, {"warm_s", point.warm_s}, {"cold_s", point.cold_s}});
  }
  if (!options.plot.empty())
    TRY(base::replaceFile(options.plot, [&](std::ostream& out) {
      out << speedPlot({warm, cold}, "Going on from the disk: seconds until the first token",
                       "tokens stored");
    }));
  if (invocation.json) {
    Json json = costJson(figures.cost);
    json["resume"] = points;
    printJson(json);
    return kDone;
  }
  printCost(figures.cost);
  for (const ResumePoint& point : figures.points)
    std::printf("resume  %10s tokens: %.3f s warm, %.3f s cold\n",
                countWords(point.n_tokens).c_str(), point.warm_s, point.cold_s);
  return kDone;
}

Result<int> run(const Options& options, const Invocation& invocation) {
  if (options.resume) return runResume(options, invocation);
  const auto begin = Clock::now();
  const std::int64_t n_all = options.n_depth + options.n_prompt + options.n_generate;
  EngineFlags flags = options.engine;
  if (flags.context_max == 0) flags.context_max = n_all;  // memory for what is measured
  engine::StageTimes times;
  TRY_ASSIGN(const auto engine, openEngine(invocation, flags, &times));
  const double load_s = secondsSince(begin);
  if (n_all == 0)
    return failure(ErrorCode::kInvalidInput, "there is nothing to measure",
                   "Give --prompt or --generate.");
  if (n_all > engine->contextMax())
    return failure(ErrorCode::kTooLarge,
                   "depth, prompt and answer are " + countWords(n_all) +
                       " tokens, the model takes " + countWords(engine->contextMax()),
                   "Ask for less.");
  TRY_ASSIGN(Measured measured, measure(*engine, options, times, invocation.stop));
  measured.load_s = load_s;
  const double prefill_tok_s = perSecond(options.n_prompt, measured.prefill_s);
  const double decode_tok_s =
      perSecond(options.n_generate * options.n_branches, measured.decode_s);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const std::int64_t peak_rss_bytes = usage.ru_maxrss * 1024;
  const engine::MemoryPlan plan = engine->plan(n_all);
  const Streaming streaming = streamingOf(*engine, measured);
  const engine::MachinePeak machine = engine::measureMachine(flags.n_threads);
  if (!options.plot.empty() && !measured.curve.empty())
    TRY(base::replaceFile(options.plot, [&](std::ostream& out) {
      out << speedPlot({{"", measured.curve}}, "Reading: tokens per second against depth",
                       "tokens already read");
    }));
  if (invocation.json) {
    printJson({{"prefill_tok_s", prefill_tok_s},
               {"decode_tok_s", decode_tok_s},
               {"peak_rss_bytes", peak_rss_bytes},
               {"plan_bytes", plan.total_bytes},
               {"residency", engine::residencyName(plan.residency)},
               {"expert_slots", plan.n_slots},
               {"prefill_read_b_s", streaming.prefill_b_s},
               {"decode_read_b_s", streaming.decode_b_s},
               {"disk_b_s", streaming.disk_b_s},
               {"machine",
                {{"gflop_s", machine.flops * 1e-9}, {"read_gb_s", machine.read_bytes * 1e-9}}},
               {"stages",
                {{"load_s", measured.load_s},
                 {"depth_s", measured.depth_s},
                 {"prefill_s", measured.prefill_s},
                 {"decode_s", measured.decode_s},
                 {"prefill", stagesJson(measured.prefill, measured.prefill_s, machine)},
                 {"decode", stagesJson(measured.decode, measured.decode_s, machine)}}},
               {"prompt", options.n_prompt},
               {"generate", options.n_generate},
               {"depth", options.n_depth},
               {"branches", options.n_branches}});
    return kDone;
  }
  std::printf("read    %10.1f tok/s (%s tokens behind %s)\n", prefill_tok_s,
              countWords(options.n_prompt).c_str(), countWords(options.n_depth).c_str());
  std::printf("answer  %10.1f tok/s (%s tokens)\n", decode_tok_s,
              countWords(options.n_generate).c_str());
  std::printf("memory  %10s at most, %s planned\n", byteWords(peak_rss_bytes).c_str(),
              byteWords(plan.total_bytes).c_str());
  if (streaming.disk_b_s > 0)
    std::printf("disk    %10s/s reading, %s/s answering, %s/s alone (%s)\n",
                byteWords(static_cast<std::int64_t>(streaming.prefill_b_s)).c_str(),
                byteWords(static_cast<std::int64_t>(streaming.decode_b_s)).c_str(),
                byteWords(static_cast<std::int64_t>(streaming.disk_b_s)).c_str(),
                engine::residencyName(plan.residency));
  std::printf("machine %10.1f GFLOP/s of multiply-adds, %.1f GB/s of memory\n",
              machine.flops * 1e-9, machine.read_bytes * 1e-9);
  printStages("reading", measured.prefill, measured.prefill_s, machine);
  printStages("answering", measured.decode, measured.decode_s, machine);
  return kDone;
}

}  // namespace

void addBenchCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("bench", "Measure how fast a model reads and answers here",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("--prompt", options->n_prompt, "Tokens to read")->check(CLI::NonNegativeNumber);
  app.add_option("--generate", options->n_generate, "Tokens to decode")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--depth", options->n_depth, "Tokens before them")->check(CLI::NonNegativeNumber);
  app.add_option("--branches", options->n_branches, "Branches decoded in one batch")
      ->check(CLI::Range(1, 256));
  app.add_option("--plot", options->plot,
                 "Write the speed of reading against depth, or with --resume the time until the "
                 "first token, to an SVG file");
  CLI::Option* resume = app.add_flag(
      "--resume", options->resume,
      "Store --prompt tokens below the data folder and measure how soon they are gone on with");
  app.add_option("--layout", options->layout,
                 "With --resume: a config.json; random rows of such a model instead of a model")
      ->needs(resume);
  app.add_option("--super-chunk", options->engine.super_chunk_tokens,
                 "Tokens that go through a layer before the next; 0: chosen by the engine")
      ->check(CLI::NonNegativeNumber);
  addEngineFlags(app, options->engine);
}

}  // namespace app
