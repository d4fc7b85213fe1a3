#include "engine/model_config.h"

#include <fstream>
#include <sstream>

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr const char* kHint = "Choose the folder of a DeepSeek-V4 checkpoint.";

tl::unexpected<base::Error> unsupported(std::string message) {
  return failure(ErrorCode::kUnsupported, std::move(message));
}

// Reads fields and remembers the first that is missing or not a number of the right kind.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  std::int64_t integer(const char* name, std::int64_t low, std::int64_t high) {
    const auto found = json_.find(name);
    if (found == json_.end() || !found->is_number_integer())
      return fail(name, "is missing or not an integer");
    const auto value = found->get<std::int64_t>();
    if (value < low || value > high)
      return fail(name, ("is " + std::to_string(value) + ", outside " + std::to_string(low) + ".." +
                         std::to_string(high)).c_str());
    return value;
  }
  std::int64_t integerOr(const char* name, std::int64_t fallback, std::int64_t low,
                         std::int64_t high) {
    return json_.contains(name) ? integer(name, low, high) : fallback;
  }
  double number(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end() || !found->is_number())
      return static_cast<double>(fail(name, "is missing or not a number"));
    return found->get<double>();
  }
  double numberOr(const char* name, double fallback) {
    return json_.contains(name) ? number(name) : fallback;
  }
  std::string textOr(const char* name, std::string fallback) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_string() ? found->get<std::string>() : fallback;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::int64_t fail(const char* name, const char* why) {
    if (problem_.empty()) problem_ = std::string(name) + " " + why;
    return 0;
  }
  const Json& json_;
  std::string problem_;
};

Status readLayers(const Json& json, ModelConfig& c, std::int64_t n_hash) {
  const auto ratios = json.find("compress_ratios");
  if (ratios == json.end() || !ratios->is_array() ||
      static_cast<std::int64_t>(ratios->size()) < c.n_layers)
    return unsupported("compress_ratios must name a ratio for each of the " +
                       std::to_string(c.n_layers) + " layers");
  for (std::int64_t i = 0; i < c.n_layers; ++i) {
    const Json& value = (*ratios)[static_cast<std::size_t>(i)];
    if (!value.is_number_integer())
      return unsupported("compress_ratios holds something else than integers");
    LayerShape layer;
    layer.ratio = value.get<std::int64_t>();
    // Blocks cover 2,048 tokens and must hold whole rows.
    if (layer.ratio < 0 || layer.ratio > 2048 || (layer.ratio != 0 && 2048 % layer.ratio != 0))
      return unsupported("compress_ratios holds " + std::to_string(layer.ratio));
    layer.kind = layer.ratio == 0   ? LayerKind::kSwa
                 : layer.ratio == 4 ? LayerKind::kCsa
                                    : LayerKind::kHca;
    layer.hash_routed = i < n_hash;
    c.layers.push_back(layer);
  }
  return {};
}

Status readDspark(const Json& json, Fields& f, ModelConfig& c) {
  if (!json.contains("dspark_block_size")) return {};
  c.dspark.block_size = f.integer("dspark_block_size", 1, 64);
  c.dspark.markov_rank = f.integer("dspark_markov_rank", 1, 1 << 16);
  c.dspark.noise_token =
      static_cast<std::int32_t>(f.integer("dspark_noise_token_id", 0, c.vocab - 1));
  const auto targets = json.find("dspark_target_layer_ids");
  if (targets == json.end() || !targets->is_array() || targets->empty())
    return unsupported("dspark_target_layer_ids is missing");
  for (const Json& target : *targets) {
    if (!target.is_number_integer() || target.get<std::int64_t>() < 0 ||
        target.get<std::int64_t>() >= c.n_layers)
      return unsupported("dspark_target_layer_ids names a layer that does not exist");
    c.dspark.target_layers.push_back(target.get<std::int64_t>());
  }
  c.dspark.n_stages = 3;
  c.n_mtp = 0;  // the stages replace the serial block
  return {};
}

// What the kernels rely on (specification §2.4).
Status checkShape(const ModelConfig& c) {
  const auto multiple = [](std::int64_t value, std::int64_t of) { return value % of == 0; };
  if (!multiple(c.hidden, 128) || !multiple(c.q_lora_rank, 128) || !multiple(c.expert_inter, 128) ||
      !multiple(c.o_groups * c.o_lora_rank, 128))
    return unsupported(
        "hidden_size, q_lora_rank, moe_intermediate_size and o_groups * o_lora_rank must be "
        "multiples of 128");
  if (c.rope_dim % 2 != 0 || c.head_dim <= c.rope_dim || !multiple(c.head_dim - c.rope_dim, 64) ||
      !multiple(c.rope_dim, 16))
    return unsupported("head_dim minus qk_rope_head_dim must be a positive multiple of 64");
  if (c.n_heads % c.o_groups != 0)
    return unsupported("num_attention_heads must be a multiple of o_groups");
  if (c.top_k > c.n_experts) return unsupported("num_experts_per_tok exceeds n_routed_experts");
  if ((c.index_dim & (c.index_dim - 1)) != 0 || c.index_dim % 32 != 0 || c.index_dim < c.rope_dim ||
      c.index_dim > 512)
    return unsupported(
        "index_head_dim must be a power of two, a multiple of 32 and at least qk_rope_head_dim");
  return {};
}

Status checkFamily(const Fields& f, const Json& json) {
  const std::string type = f.textOr("model_type", "");
  if (type != "deepseek_v4")
    return unsupported("model_type is '" + type.substr(0, 40) + "', this engine runs deepseek_v4");
  if (f.textOr("scoring_func", "sqrtsoftplus") != "sqrtsoftplus")
    return unsupported("scoring_func is not sqrtsoftplus");
  if (f.textOr("topk_method", "noaux_tc") != "noaux_tc")
    return unsupported("topk_method is not noaux_tc");
  if (f.textOr("hidden_act", "silu") != "silu") return unsupported("hidden_act is not silu");
  if (json.value("tie_word_embeddings", false))
    return unsupported("tied word embeddings are not part of V4");
  if (!json.value("norm_topk_prob", true)) return unsupported("norm_topk_prob must be true");
  if (const auto q = json.find("quantization_config"); q != json.end() && q->is_object()) {
    const Fields fields(*q);
    if (fields.textOr("fmt", "e4m3") != "e4m3" || fields.textOr("scale_fmt", "ue8m0") != "ue8m0")
      return unsupported("quantization_config is not e4m3 with ue8m0 scales");
  }
  return {};
}

Status readRope(const Json& json, ModelConfig& c) {
  const auto scaling = json.find("rope_scaling");
  if (scaling == json.end() || scaling->is_null()) return {};
  if (!scaling->is_object()) return unsupported("rope_scaling is not an object");
  Fields f(*scaling);
  if (f.textOr("type", f.textOr("rope_type", "yarn")) != "yarn")
    return unsupported("rope_scaling is not yarn");
  c.rope_scaling.factor = f.number("factor");
  c.rope_scaling.original_length = f.number("original_max_position_embeddings");
  c.rope_scaling.beta_fast = f.numberOr("beta_fast", 32);
  c.rope_scaling.beta_slow = f.numberOr("beta_slow", 1);
  if (!f.problem().empty()) return unsupported("rope_scaling." + f.problem());
  if (!(c.rope_scaling.factor >= 1) || !(c.rope_scaling.original_length >= 1))
    return unsupported("rope_scaling has impossible values");
  return {};
}

Result<ModelConfig> parseFields(const Json& json) {
  if (!json.is_object()) return unsupported("is not an object");
  Fields f(json);
  ModelConfig c;
  try {
    TRY(checkFamily(f, json));
    constexpr std::int64_t kMany = std::int64_t{1} << 24;
    c.vocab = f.integer("vocab_size", 2, kMany);
    c.hidden = f.integer("hidden_size", 1, 1 << 20);
    c.n_layers = f.integer("num_hidden_layers", 1, 4096);
    c.n_heads = f.integer("num_attention_heads", 1, 4096);
    c.head_dim = f.integer("head_dim", 1, 1 << 16);
    c.rope_dim = f.integer("qk_rope_head_dim", 2, 1 << 12);
    c.q_lora_rank = f.integer("q_lora_rank", 1, 1 << 20);
    c.o_groups = f.integer("o_groups", 1, 4096);
    c.o_lora_rank = f.integer("o_lora_rank", 1, 1 << 20);
    c.n_experts = f.integer("n_routed_experts", 1, 1 << 16);
    c.top_k = f.integer("num_experts_per_tok", 1, 1 << 12);
    c.expert_inter = f.integer("moe_intermediate_size", 1, 1 << 20);
    c.index_heads = f.integer("index_n_heads", 1, 4096);
    c.index_dim = f.integer("index_head_dim", 1, 1 << 12);
    c.index_topk = f.integer("index_topk", 1, 1 << 20);
    c.window = f.integer("sliding_window", 1, 1 << 16);
    c.context_max = f.integer("max_position_embeddings", 1, std::int64_t{1} << 30);
    c.hc_streams = f.integer("hc_mult", 1, 16);
    c.sinkhorn_iterations = static_cast<int>(f.integer("hc_sinkhorn_iters", 1, 1000));
    c.hc_eps = static_cast<float>(f.numberOr("hc_eps", 1e-6));
    c.norm_eps = static_cast<float>(f.numberOr("rms_norm_eps", 1e-6));
    c.routed_scale = static_cast<float>(f.number("routed_scaling_factor"));
    c.swiglu_limit = static_cast<float>(f.numberOr("swiglu_limit", 0));
    c.rope_theta = f.number("rope_theta");
    c.compress_rope_theta = f.numberOr("compress_rope_theta", 160000);
    c.n_mtp = f.integerOr("num_nextn_predict_layers", 0, 0, 16);
    c.bos = static_cast<std::int32_t>(f.integerOr("bos_token_id", 0, 0, c.vocab - 1));
    c.eos = static_cast<std::int32_t>(f.integerOr("eos_token_id", 1, 0, c.vocab - 1));
    if (f.integerOr("n_shared_experts", 1, 0, 64) != 1)
      return unsupported("n_shared_experts must be 1");
    if (f.integerOr("num_key_value_heads", 1, 0, 4096) != 1)
      return unsupported("num_key_value_heads must be 1");
    c.experts_fp4 = f.textOr("expert_dtype", "fp8") == "fp4";
    if (!f.problem().empty()) return unsupported(f.problem());
    TRY(readRope(json, c));
    TRY(readLayers(json, c, f.integerOr("num_hash_layers", 0, 0, c.n_layers)));
    TRY(readDspark(json, f, c));
    if (!f.problem().empty()) return unsupported(f.problem());
    TRY(checkShape(c));
  } catch (const std::exception&) {
    return unsupported("a field has the wrong type");
  }
  return c;
}

}  // namespace

Result<ModelConfig> ModelConfig::parse(const Json& json, const std::string& where,
                                       const std::string& hint) {
  auto config = parseFields(json);
  if (config) return config;
  return failure(config.error().code, where + ": " + config.error().message, hint);
}

Result<ModelConfig> ModelConfig::read(const std::filesystem::path& config_json) {
  std::error_code error;
  const auto size = std::filesystem::file_size(config_json, error);
  if (error)
    return failure(ErrorCode::kNotFound, "no config.json in the model folder", kHint);
  if (size > (1u << 20))
    return failure(ErrorCode::kInvalidInput, "config.json is larger than 1 MiB", kHint);
  std::ifstream file(config_json, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return failure(ErrorCode::kIo, "config.json cannot be read", kHint);
  TRY_ASSIGN(const Json json, parseJson(text.str(), "config.json", DuplicateKeys::kAllow, kHint));
  return parse(json, "config.json", kHint);
}

std::string ModelConfig::canonical() const {
  std::ostringstream out;
  out.precision(17);
  for (const std::int64_t value :
       {vocab, hidden, n_layers, n_heads, head_dim, rope_dim, q_lora_rank, o_groups, o_lora_rank,
        n_experts, top_k, expert_inter, index_heads, index_dim, index_topk, window, hc_streams,
        std::int64_t{sinkhorn_iterations}, std::int64_t{experts_fp4}})
    out << value << ' ';
  for (const double value : {double{hc_eps}, double{norm_eps}, double{routed_scale},
                             double{swiglu_limit}, rope_theta, compress_rope_theta,
                             rope_scaling.factor, rope_scaling.original_length,
                             rope_scaling.beta_fast, rope_scaling.beta_slow})
    out << value << ' ';
  for (const LayerShape& layer : layers) out << layer.ratio << (layer.hash_routed ? "h " : " ");
  return out.str();
}

}  // namespace engine
