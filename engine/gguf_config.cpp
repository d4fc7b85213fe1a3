#include "engine/gguf_config.h"

#include <cmath>
#include <optional>
#include <string>

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr const char* kHint = "Choose a GGUF file of a DeepSeek-V4 model.";
constexpr std::uint64_t kListMax = 8192;  // layers and more

enum class Need { kYes, kNo };

// Which key becomes which field of config.json. What a key may hold is checked there.
struct KeyRow {
  const char* key;
  const char* field;
  Need need = Need::kYes;
};

constexpr KeyRow kIntegers[] = {
    {"embedding_length", "hidden_size"},
    {"context_length", "max_position_embeddings"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads", Need::kNo},
    {"attention.key_length", "head_dim"},
    {"attention.q_lora_rank", "q_lora_rank"},
    {"attention.output_lora_rank", "o_lora_rank"},
    {"attention.output_group_count", "o_groups"},
    {"attention.sliding_window", "sliding_window"},
    {"attention.indexer.head_count", "index_n_heads"},
    {"attention.indexer.key_length", "index_head_dim"},
    {"attention.indexer.top_k", "index_topk"},
    {"rope.dimension_count", "qk_rope_head_dim"},
    {"expert_count", "n_routed_experts"},
    {"expert_used_count", "num_experts_per_tok"},
    {"expert_shared_count", "n_shared_experts", Need::kNo},
    {"expert_feed_forward_length", "moe_intermediate_size"},
    {"hash_layer_count", "num_hash_layers", Need::kNo},
    {"hyper_connection.count", "hc_mult"},
};

constexpr KeyRow kNumbers[] = {
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", Need::kNo},
    {"attention.compress_rope_freq_base", "compress_rope_theta", Need::kNo},
    {"hyper_connection.epsilon", "hc_eps", Need::kNo},
};

// Reads keys behind "deepseek4." and remembers the first that is missing or wrong.
class Keys {
 public:
  explicit Keys(const GgufFile& file) : file_(file) {}

  const GgufValue* find(const std::string& key) const { return file_.value("deepseek4." + key); }

  // A number, or a list of one number per layer that are all the same.
  std::optional<double> number(const std::string& key, Need need) {
    const GgufValue* value = find(key);
    if (value == nullptr) {
      if (need == Need::kYes) fail(key, "is missing");
      return std::nullopt;
    }
    if (!value->isList()) return check(key, value->number());
    const auto all = value->elements(kListMax);
    if (all.empty()) return fail(key, "is empty"), std::nullopt;
    for (const GgufValue& one : all)
      if (one.number() != all[0].number()) return fail(key, "differs between layers"), std::nullopt;
    return check(key, all[0].number());
  }
  std::optional<std::int64_t> integer(const std::string& key, Need need) {
    const auto value = number(key, need);
    if (!value) return std::nullopt;
    if (!(*value >= -9e15 && *value <= 9e15) ||
        *value != static_cast<double>(static_cast<std::int64_t>(*value)))
      return fail(key, "is no integer"), std::nullopt;
    return static_cast<std::int64_t>(*value);
  }
  double numberOr(const std::string& key, double fallback) {
    return number(key, Need::kNo).value_or(fallback);
  }

  void fail(const std::string& key, const char* why) {
    if (problem_.empty()) problem_ = "deepseek4." + key + " " + why;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::optional<double> check(const std::string& key, std::optional<double> value) {
    if (!value || !std::isfinite(*value)) return fail(key, "is no number"), std::nullopt;
    return value;
  }

  const GgufFile& file_;
  std::string problem_;
};

std::string textOr(const GgufValue* value, std::string fallback) {
  const auto text = value != nullptr ? value->text() : std::nullopt;
  return text ? std::string(text->substr(0, 40)) : fallback;
}

Status checkFamily(const GgufFile& file, Keys& keys) {
  const auto unsupported = [&](const std::string& what) {
    return failure(ErrorCode::kUnsupported, file.name() + ": " + what, kHint);
  };
  const std::string family = textOr(file.value("general.architecture"), "");
  if (family != "deepseek4")
    return unsupported("its architecture is '" + family + "', this engine runs deepseek4");
  if (const GgufValue* n = file.value("split.count"); n != nullptr && n->integer().value_or(1) > 1)
    return failure(ErrorCode::kUnsupported,
                   file.name() + " is one of " + std::to_string(*n->integer()) + " parts",
                   "Merge the parts into one file (llama-gguf-split --merge).");
  if (keys.integer("expert_gating_func", Need::kNo).value_or(4) != 4)
    return unsupported("deepseek4.expert_gating_func is not 4, sqrt-softplus");
  if (const GgufValue* norm = keys.find("expert_weights_norm");
      norm != nullptr && norm->boolean() != true)
    return unsupported("deepseek4.expert_weights_norm must be true");
  if (keys.find("attention.value_length") != nullptr &&
      keys.integer("attention.value_length", Need::kNo) !=
          keys.integer("attention.key_length", Need::kNo))
    return unsupported("deepseek4.attention.value_length is not its key_length");
  return {};
}

// One limit for all experts; the shared ones have it too unless the file says otherwise.
Status readClamp(const GgufFile& file, Keys& keys, Json& json) {
  const double limit = keys.numberOr("swiglu_clamp_exp", 0);
  if (keys.numberOr("swiglu_clamp_shexp", limit) != limit)
    return failure(ErrorCode::kUnsupported,
                   file.name() + ": deepseek4.swiglu_clamp_shexp is not swiglu_clamp_exp", kHint);
  json["swiglu_limit"] = limit;
  return {};
}

Status readRope(const GgufFile& file, Keys& keys, Json& json) {
  json["rope_theta"] = keys.numberOr("rope.freq_base", 10000);
  const std::string type = textOr(keys.find("rope.scaling.type"), "none");
  if (type == "none") return {};
  if (type != "yarn")
    return failure(ErrorCode::kUnsupported, file.name() + ": rope.scaling.type is not yarn", kHint);
  const auto factor = keys.number("rope.scaling.factor", Need::kYes);
  const auto original = keys.number("rope.scaling.original_context_length", Need::kYes);
  json["rope_scaling"] = {{"type", "yarn"},
                          {"factor", factor.value_or(0)},
                          {"original_max_position_embeddings", original.value_or(0)},
                          {"beta_fast", keys.numberOr("rope.scaling.yarn_beta_fast", 32)},
                          {"beta_slow", keys.numberOr("rope.scaling.yarn_beta_slow", 1)}};
  return {};
}

// Blocks behind the trunk are drafts; the lists of the file cover them too.
void readLayers(Keys& keys, Json& json) {
  const auto n_blocks = keys.integer("block_count", Need::kYes);
  const auto n_drafts = keys.integer("nextn_predict_layers", Need::kNo);
  if (n_blocks) json["num_hidden_layers"] = *n_blocks - n_drafts.value_or(0);
  const GgufValue* ratios = keys.find("attention.compress_ratios");
  if (ratios == nullptr || !ratios->isList())
    return keys.fail("attention.compress_ratios", "is missing or no list");
  json["compress_ratios"] = Json::array();
  for (const GgufValue& ratio : ratios->elements(kListMax)) {
    if (!ratio.integer()) return keys.fail("attention.compress_ratios", "holds no integers");
    json["compress_ratios"].push_back(*ratio.integer());
  }
}

void readVocabulary(const GgufFile& file, Keys& keys, Json& json) {
  const GgufValue* tokens = file.value("tokenizer.ggml.tokens");
  if (keys.find("vocab_size") != nullptr || tokens == nullptr || !tokens->isList()) {
    if (const auto size = keys.integer("vocab_size", Need::kYes)) json["vocab_size"] = *size;
  } else {
    json["vocab_size"] = tokens->size();
  }
  for (const char* which : {"bos", "eos"}) {
    const GgufValue* id = file.value("tokenizer.ggml." + std::string(which) + "_token_id");
    if (id != nullptr && id->integer()) json[std::string(which) + "_token_id"] = *id->integer();
  }
}

}  // namespace

Result<ModelConfig> readGgufConfig(const GgufFile& file) {
  Keys keys(file);
  TRY(checkFamily(file, keys));
  Json json = {{"model_type", "deepseek_v4"}};
  for (const KeyRow& row : kIntegers)
    if (const auto value = keys.integer(row.key, row.need)) json[row.field] = *value;
  for (const KeyRow& row : kNumbers)
    if (const auto value = keys.number(row.key, row.need)) json[row.field] = *value;
  json["routed_scaling_factor"] = keys.numberOr("expert_weights_scale", 1);
  json["hc_sinkhorn_iters"] =
      keys.integer("hyper_connection.sinkhorn_iterations", Need::kNo).value_or(20);
  TRY(readClamp(file, keys, json));
  TRY(readRope(file, keys, json));
  readLayers(keys, json);
  readVocabulary(file, keys, json);
  if (!keys.problem().empty())
    return failure(ErrorCode::kUnsupported, file.name() + ": " + keys.problem(), kHint);
  return ModelConfig::parse(json, file.name(), kHint);
}

}  // namespace engine
