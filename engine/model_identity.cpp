#include "engine/model_identity.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <sstream>

namespace engine {
namespace {

// How a part is called when it differs. Values of the second kind are hashes, or too long to say.
enum class Shown { kValue, kName };
struct Wording {
  std::string_view part, words;
  Shown shown;
};
constexpr std::array kWordings{
    Wording{"weights", "other weights", Shown::kName},
    Wording{"vocabulary", "another vocabulary", Shown::kName},
    Wording{"control_tokens", "other control tokens", Shown::kName},
    Wording{"shape", "layers of another shape", Shown::kName},
    Wording{"compress_ratios", "other compression ratios", Shown::kValue},
    Wording{"window", "another window", Shown::kValue},
    Wording{"index_topk", "another number of selected rows", Shown::kValue},
    Wording{"experts_per_token", "another number of experts per token", Shown::kValue},
    Wording{"rope", "other rotary bases", Shown::kValue},
    Wording{"rope_scaling", "another rotary scaling", Shown::kValue},
    Wording{"constants", "other constants", Shown::kValue},
    Wording{"layout", "another version of the stored layout", Shown::kValue},
    Wording{"rounding", "another rounding", Shown::kValue},
    Wording{"backend", "another backend", Shown::kValue},
};

template <class T>
std::string joined(std::initializer_list<T> values) {
  std::ostringstream out;
  out.precision(17);
  for (const T& value : values) out << (out.tellp() > 0 ? " " : "") << value;
  return out.str();
}

std::string ratiosText(const std::vector<LayerShape>& layers) {
  std::string text;
  for (const LayerShape& layer : layers) {
    if (!text.empty()) text += ' ';
    text += std::to_string(layer.ratio);
  }
  return text;
}

std::string shapeText(const ModelConfig& c) {
  std::string text =
      joined({c.vocab, c.hidden, c.n_layers, c.n_heads, c.head_dim, c.rope_dim, c.q_lora_rank,
              c.o_groups, c.o_lora_rank, c.n_experts, c.expert_inter, c.index_heads, c.index_dim,
              c.hc_streams, std::int64_t{c.experts_fp4}});
  for (const LayerShape& layer : c.layers) text += layer.hash_routed ? " h" : " s";
  return text;
}

std::string wordsFor(const std::string& part, const std::string* there, const std::string* here) {
  const auto found = std::find_if(kWordings.begin(), kWordings.end(),
                                  [&](const Wording& wording) { return wording.part == part; });
  if (found == kWordings.end()) return "another " + part;
  std::string words(found->words);
  if (found->shown == Shown::kName || there == nullptr || here == nullptr) return words;
  return words + " (" + *there + "; here " + *here + ")";
}

}  // namespace

ModelIdentity::ModelIdentity(const ModelConfig& c, const Sources& sources)
    : parts_{{"weights", sources.weights.hex()},
             {"vocabulary", sources.vocabulary},
             {"control_tokens", sources.control_tokens},
             {"shape", shapeText(c)},
             {"compress_ratios", ratiosText(c.layers)},
             {"window", std::to_string(c.window)},
             {"index_topk", std::to_string(c.index_topk)},
             {"experts_per_token", std::to_string(c.top_k)},
             {"rope", joined({c.rope_theta, c.compress_rope_theta})},
             {"rope_scaling", joined({c.rope_scaling.factor, c.rope_scaling.original_length,
                                      c.rope_scaling.beta_fast, c.rope_scaling.beta_slow})},
             {"constants", joined({double{c.hc_eps}, double{c.norm_eps}, double{c.routed_scale},
                                   double{c.swiglu_limit}, double(c.sinkhorn_iterations)})},
             {"layout", std::to_string(sources.layout_version)},
             {"rounding", std::string(numericsName(sources.numerics))},
             {"backend", std::string(sources.backend)}} {}

ModelIdentity ModelIdentity::parse(std::string_view text) {
  ModelIdentity identity;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    identity.parts_.push_back(
        {std::string(line.substr(0, equals)), std::string(line.substr(equals + 1))});
  }
  return identity;
}

std::string ModelIdentity::text() const {
  std::string text;
  for (const Part& part : parts_) text += part.name + '=' + part.value + '\n';
  return text;
}

const std::string* ModelIdentity::valueOf(const std::string& name) const {
  const auto found = std::find_if(parts_.begin(), parts_.end(),
                                  [&](const Part& part) { return part.name == name; });
  return found == parts_.end() ? nullptr : &found->value;
}

std::vector<std::string> ModelIdentity::differences(const ModelIdentity& here) const {
  std::vector<std::string> differences;
  for (const Part& part : parts_) {
    const std::string* other = here.valueOf(part.name);
    if (other == nullptr || *other != part.value)
      differences.push_back(wordsFor(part.name, &part.value, other));
  }
  for (const Part& part : here.parts_)
    if (valueOf(part.name) == nullptr)
      differences.push_back(wordsFor(part.name, nullptr, &part.value));
  return differences;
}

}  // namespace engine
