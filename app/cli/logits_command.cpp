// lectern logits: what the model computes, as numbers another implementation can be held to.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/progress_line.h"
#include "engine/safetensors.h"
#include "engine/taps.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::TokenId;

namespace {

struct Options {
  std::string tokens, out;
  std::int64_t split = -1;
  bool taps = false;
  EngineFlags engine;
};

Result<std::vector<TokenId>> readTokens(const std::string& path, std::int64_t vocab) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return failure(ErrorCode::kNotFound, "cannot read " + path, "Check the path.");
  TRY_ASSIGN(const engine::Json json, engine::parseJson(text.str(), path));
  if (!json.is_array() || json.empty())
    return failure(ErrorCode::kInvalidInput, path + " is not an array of token ids",
                   "Write ids as [0, 17, 4].");
  std::vector<TokenId> tokens;
  for (const engine::Json& id : json) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= vocab)
      return failure(ErrorCode::kInvalidInput,
                     "entry " + std::to_string(tokens.size()) + " of " + path +
                         " is not an id of this model",
                     "Ids are 0 to " + std::to_string(vocab - 1) + ".");
    tokens.push_back(id.get<TokenId>());
  }
  return tokens;
}

// Tensors of a file under construction; values must outlive it.
class TensorSet {
 public:
  explicit TensorSet(std::int64_t n_rows) : n_rows_(n_rows) {}

  void add(const std::string& name, const std::vector<float>& values,
           std::vector<std::int64_t> row_shape) {
    add(name, engine::Dtype::kF32, std::as_bytes(std::span(values)), std::move(row_shape));
  }
  void add(const std::string& name, const std::vector<std::int32_t>& values,
           std::vector<std::int64_t> row_shape) {
    add(name, engine::Dtype::kI32, std::as_bytes(std::span(values)), std::move(row_shape));
  }

  const auto& tensors() const { return tensors_; }

 private:
  // A tap that does not apply to a layer is empty and left out.
  void add(const std::string& name, engine::Dtype dtype, std::span<const std::byte> bytes,
           std::vector<std::int64_t> row_shape) {
    if (bytes.empty()) return;
    row_shape.insert(row_shape.begin(), n_rows_);
    tensors_[name] = {.dtype = dtype, .shape = std::move(row_shape), .bytes = bytes};
  }

  const std::int64_t n_rows_;
  std::map<std::string, engine::TensorView, std::less<>> tensors_;
};

void addTaps(TensorSet& set, const engine::Taps& taps, const engine::ModelConfig& config) {
  for (std::size_t layer = 0; layer < taps.layers.size(); ++layer) {
    const engine::LayerTap& tap = taps.layers[layer];
    const std::string end = "." + std::to_string(layer);
    set.add("attn_in" + end, tap.attn_in, {config.hidden});
    set.add("attn_out" + end, tap.attn_out, {config.hidden});
    set.add("moe_in" + end, tap.moe_in, {config.hidden});
    set.add("moe_out" + end, tap.moe_out, {config.hidden});
    set.add("streams" + end, tap.streams, {config.hc_streams, config.hidden});
    set.add("topk" + end, tap.topk, {config.index_topk});
    set.add("index_margin" + end, tap.index_margin, {});
    set.add("experts" + end, tap.experts, {config.top_k});
    set.add("router_margin" + end, tap.router_margin, {});
  }
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto engine, openEngine(invocation, options.engine));
  const engine::ModelConfig& config = engine->config();
  TRY_ASSIGN(const auto tokens, readTokens(options.tokens, config.vocab));
  const auto n = static_cast<std::int64_t>(tokens.size());
  if (n > engine->contextMax())
    return failure(ErrorCode::kTooLarge,
                   countWords(n) + " tokens are more than the model takes, " +
                       countWords(engine->contextMax()),
                   "Use a shorter list.");
  const std::int64_t split = options.split < 0 ? n : options.split;
  if (split > n)
    return failure(ErrorCode::kInvalidInput, "the split lies behind the last token",
                   "Choose one of 0 to " + std::to_string(n) + ".");
  const auto begin = std::chrono::steady_clock::now();
  engine::Taps taps;
  TRY_ASSIGN(const std::vector<float> logits,
             engine->allLogits(tokens, split, options.taps ? &taps : nullptr, invocation.stop));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  TensorSet set(n);
  set.add("logits", logits, {config.vocab});
  addTaps(set, taps, config);
  TRY(engine::writeSafetensors(options.out, set.tensors()));
  if (invocation.json)
    printJson({{"out", options.out},
               {"n", n},
               {"vocab", config.vocab},
               {"split", split},
               {"numerics", options.engine.numerics},
               {"backend", options.engine.backend},
               {"seconds", seconds}});
  else
    std::printf("%s: logits [%lld, %lld] after %s\n", options.out.c_str(),
                static_cast<long long>(n), static_cast<long long>(config.vocab),
                durationWords(seconds).c_str());
  return kDone;
}

}  // namespace

void addLogitsCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("logits", "Write the logits of every position of a token list",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("--tokens", options->tokens, "JSON file: one array of ids")->required();
  app.add_option("--out", options->out, "Safetensors file to write")->required();
  app.add_option("--split", options->split, "Prefill so many, decode the rest one by one")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--taps", options->taps, "Also the streams and choices of every layer");
  addEngineFlags(app, options->engine);
}

}  // namespace app
