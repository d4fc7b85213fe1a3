// lectern bench: how fast this machine reads and answers with a model. The tokens are random: the
// time of a pass does not depend on what they say.
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/progress_line.h"
#include "engine/sequence.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::int64_t n_prompt = 4096, n_generate = 64, n_depth = 0;
  EngineFlags engine;
};

struct Measured {
  double load_s = 0, depth_s = 0, prefill_s = 0, decode_s = 0;
};

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

Result<Measured> measure(const engine::Engine& engine, const Options& options,
                         std::stop_token stop) {
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
  begin = Clock::now();
  if (options.n_prompt > 0)
    TRY(sequence->sync(all.first(static_cast<std::size_t>(n_read)), show, stop));
  measured.prefill_s = secondsSince(begin);
  begin = Clock::now();
  for (std::int64_t i = 0; i < options.n_generate; ++i)
    TRY(sequence->decode(tokens[static_cast<std::size_t>(n_read + i)], stop));
  measured.decode_s = secondsSince(begin);
  return measured;
}

Result<int> run(const Options& options, const Invocation& invocation) {
  const auto begin = Clock::now();
  TRY_ASSIGN(const auto engine, openEngine(invocation, options.engine));
  const double load_s = secondsSince(begin);
  const std::int64_t n_all = options.n_depth + options.n_prompt + options.n_generate;
  if (n_all == 0)
    return failure(ErrorCode::kInvalidInput, "there is nothing to measure",
                   "Give --prompt or --generate.");
  if (n_all > engine->contextMax())
    return failure(ErrorCode::kTooLarge,
                   "depth, prompt and answer are " + countWords(n_all) +
                       " tokens, the model takes " + countWords(engine->contextMax()),
                   "Ask for less.");
  TRY_ASSIGN(Measured measured, measure(*engine, options, invocation.stop));
  measured.load_s = load_s;
  const double prefill_tok_s = perSecond(options.n_prompt, measured.prefill_s);
  const double decode_tok_s = perSecond(options.n_generate, measured.decode_s);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const std::int64_t peak_rss_bytes = usage.ru_maxrss * 1024;
  if (invocation.json) {
    printJson({{"prefill_tok_s", prefill_tok_s},
               {"decode_tok_s", decode_tok_s},
               {"peak_rss_bytes", peak_rss_bytes},
               {"stages",
                {{"load_s", measured.load_s},
                 {"depth_s", measured.depth_s},
                 {"prefill_s", measured.prefill_s},
                 {"decode_s", measured.decode_s}}},
               {"prompt", options.n_prompt},
               {"generate", options.n_generate},
               {"depth", options.n_depth}});
    return kDone;
  }
  std::printf("read    %10.1f tok/s (%s tokens behind %s)\n", prefill_tok_s,
              countWords(options.n_prompt).c_str(), countWords(options.n_depth).c_str());
  std::printf("answer  %10.1f tok/s (%s tokens)\n", decode_tok_s,
              countWords(options.n_generate).c_str());
  std::printf("memory  %10s at most\n", byteWords(peak_rss_bytes).c_str());
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
  addEngineFlags(app, options->engine);
}

}  // namespace app
