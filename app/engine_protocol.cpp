#include "app/engine_protocol.h"

#include "app/json_fields.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Status;
using engine::Json;

namespace {

Json range(const base::TokenRange& range) { return Json::array({range.begin, range.end}); }

template <class T>
Json list(const std::vector<T>& items) {
  Json array = Json::array();
  for (const T& item : items) array.push_back(toJson(item));
  return array;
}

template <class T>
Status readList(const JsonFields& fields, const char* key, std::vector<T>& out) {
  const Json* items = fields.find(key);
  out.clear();
  if (items == nullptr) return {};
  if (!items->is_array())
    return failure(ErrorCode::kInvalidInput, std::string("JSON field \"") + key + "\" is no array");
  for (const Json& item : *items) TRY(fromJson(item, out.emplace_back()));
  return {};
}

}  // namespace

Json requestJson(std::int64_t id, const std::string& method, Json params) {
  return Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
}

Json resultJson(std::int64_t id, Json result) {
  return Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json errorJson(std::int64_t id, int code, const base::Error& error) {
  return Json{
      {"jsonrpc", "2.0"},
      {"id", id},
      {"error", {{"code", code}, {"message", error.message}, {"data", errorToJson(error)}}}};
}

Json notificationJson(const std::string& method, Json params) {
  return Json{{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

Json toJson(const EngineSettings& settings) {
  return Json{{"model", settings.model.string()},         {"data", settings.data.string()},
              {"backend", settings.backend},              {"numerics", settings.numerics},
              {"threads", settings.n_threads},            {"context_max", settings.context_max},
              {"memory_bytes", settings.memory_bytes},
              {"cache_bytes_max", settings.cache_bytes_max}};
}

Status fromJson(const Json& json, EngineSettings& settings) {
  std::string model, data;
  JsonFields fields(json);
  fields.need("model", model);
  fields.maybe("data", data);
  fields.maybe("backend", settings.backend);
  fields.maybe("numerics", settings.numerics);
  fields.maybe("threads", settings.n_threads);
  fields.maybe("context_max", settings.context_max);
  fields.maybe("memory_bytes", settings.memory_bytes);
  fields.maybe("cache_bytes_max", settings.cache_bytes_max);
  settings.model = model;
  settings.data = data;
  return fields.status();
}

Json toJson(const EngineInfo& info) {
  return Json{{"model_name", info.model_name},     {"fingerprint", info.fingerprint.hex()},
              {"identity", info.identity},         {"vocab_size", info.vocab_size},
              {"n_layers", info.n_layers},         {"context_max", info.context_max},
              {"weight_bytes", info.weight_bytes}, {"backend", info.backend},
              {"threads", info.n_threads},         {"load_s", info.load_s}};
}

Status fromJson(const Json& json, EngineInfo& info) {
  JsonFields fields(json);
  fields.need("model_name", info.model_name);
  fields.need("fingerprint", info.fingerprint);
  fields.need("identity", info.identity);
  fields.need("vocab_size", info.vocab_size);
  fields.need("n_layers", info.n_layers);
  fields.need("context_max", info.context_max);
  fields.need("weight_bytes", info.weight_bytes);
  fields.need("backend", info.backend);
  fields.need("threads", info.n_threads);
  fields.need("load_s", info.load_s);
  return fields.status();
}

Json toJson(const EnginePlan& plan) {
  Json rows = Json::array();
  for (const EnginePlan::Row& row : plan.rows)
    rows.push_back({{"purpose", row.purpose}, {"bytes", row.bytes}});
  return Json{{"context", plan.n_context},
              {"rows", std::move(rows)},
              {"total_bytes", plan.total_bytes},
              {"available_bytes", plan.available_bytes},
              {"snapshot_bytes", plan.snapshot_bytes},
              {"fits", plan.fits}};
}

static Status fromJson(const Json& json, EnginePlan::Row& row) {
  JsonFields fields(json);
  fields.need("purpose", row.purpose);
  fields.need("bytes", row.bytes);
  return fields.status();
}

Status fromJson(const Json& json, EnginePlan& plan) {
  JsonFields fields(json);
  fields.need("context", plan.n_context);
  fields.need("total_bytes", plan.total_bytes);
  fields.need("available_bytes", plan.available_bytes);
  fields.need("snapshot_bytes", plan.snapshot_bytes);
  fields.need("fits", plan.fits);
  TRY(fields.status());
  plan.rows.clear();
  if (const Json* rows = fields.find("rows"); rows != nullptr && rows->is_array())
    for (const Json& row : *rows) TRY(fromJson(row, plan.rows.emplace_back()));
  return {};
}

Json toJson(const SyncReply& reply) {
  return Json{{"context", reply.n_context},
              {"reused", reply.n_reused},
              {"prefilled", reply.n_prefilled},
              {"prefill_s", reply.prefill_s}};
}

Status fromJson(const Json& json, SyncReply& reply) {
  JsonFields fields(json);
  fields.need("context", reply.n_context);
  fields.need("reused", reply.n_reused);
  fields.need("prefilled", reply.n_prefilled);
  fields.need("prefill_s", reply.prefill_s);
  return fields.status();
}

Json toJson(const DecodeRequest& request) {
  const engine::SamplerOptions& sampler = request.generate.sampler;
  Json quotable = Json::array();
  for (const base::TokenRange& tokens : request.quotable) quotable.push_back(range(tokens));
  return Json{{"sampling",
               {{"temperature", sampler.temperature},
                {"top_p", sampler.top_p},
                {"min_p", sampler.min_p},
                {"seed", sampler.seed}}},
              {"max_tokens", request.generate.n_tokens_max},
              {"quotable", std::move(quotable)},
              {"thinking", request.thinking}};
}

Status fromJson(const Json& json, DecodeRequest& request) {
  JsonFields fields(json);
  fields.maybe("max_tokens", request.generate.n_tokens_max);
  fields.maybe("quotable", request.quotable);
  fields.maybe("thinking", request.thinking);
  TRY(fields.status());
  if (const Json* sampling = fields.find("sampling")) {
    engine::SamplerOptions& sampler = request.generate.sampler;
    JsonFields sampling_fields(*sampling);
    sampling_fields.maybe("temperature", sampler.temperature);
    sampling_fields.maybe("top_p", sampler.top_p);
    sampling_fields.maybe("min_p", sampler.min_p);
    sampling_fields.maybe("seed", sampler.seed);
    TRY(sampling_fields.status());
  }
  return {};
}

Json toJson(const base::QuoteMatch& match) {
  return Json{{"answer", Json::array({match.answer.begin, match.answer.end})},
              {"context", range(match.context)},
              {"places", match.n_places}};
}

Status fromJson(const Json& json, base::QuoteMatch& match) {
  JsonFields fields(json);
  fields.need("answer", match.answer);
  fields.need("context", match.context);
  fields.need("places", match.n_places);
  return fields.status();
}

Json toJson(const base::AnswerDelta& delta) {
  return Json{{"text", delta.text},
              {"thinking", delta.thinking},
              {"tokens", delta.n_tokens},
              {"quotes", list(delta.quotes)}};
}

Status fromJson(const Json& json, base::AnswerDelta& delta) {
  JsonFields fields(json);
  fields.need("text", delta.text);
  fields.need("thinking", delta.thinking);
  fields.need("tokens", delta.n_tokens);
  TRY(fields.status());
  return readList(fields, "quotes", delta.quotes);
}

Json toJson(const engine::Generated& generated) {
  return Json{{"finish", std::string(base::finishReasonName(generated.reason))},
              {"tokens", tokensToBase64(generated.ids)},
              {"text", generated.text},
              {"reasoning", generated.reasoning},
              {"quotes", list(generated.quotes)},
              {"first_token_s", generated.first_token_s},
              {"decode_s", generated.decode_s}};
}

Status fromJson(const Json& json, engine::Generated& generated) {
  std::string finish;
  JsonFields fields(json);
  fields.need("finish", finish);
  fields.need("tokens", generated.ids);
  fields.need("text", generated.text);
  fields.need("reasoning", generated.reasoning);
  fields.need("first_token_s", generated.first_token_s);
  fields.need("decode_s", generated.decode_s);
  TRY(fields.status());
  for (const auto reason :
       {base::FinishReason::kEnd, base::FinishReason::kLength, base::FinishReason::kStopped})
    if (base::finishReasonName(reason) == finish) generated.reason = reason;
  return readList(fields, "quotes", generated.quotes);
}

Json toJson(const EngineStats& stats) {
  return Json{{"peak_rss_bytes", stats.peak_rss_bytes},
              {"blocks", stats.n_blocks},
              {"boundaries", stats.n_boundaries},
              {"payload_bytes", stats.payload_bytes},
              {"pinned_bytes", stats.pinned_bytes},
              {"file_bytes", stats.file_bytes},
              {"dropped", stats.n_dropped},
              {"file_replaced", stats.file_replaced}};
}

Status fromJson(const Json& json, EngineStats& stats) {
  JsonFields fields(json);
  fields.need("peak_rss_bytes", stats.peak_rss_bytes);
  fields.need("blocks", stats.n_blocks);
  fields.need("boundaries", stats.n_boundaries);
  fields.need("payload_bytes", stats.payload_bytes);
  fields.need("pinned_bytes", stats.pinned_bytes);
  fields.need("file_bytes", stats.file_bytes);
  fields.need("dropped", stats.n_dropped);
  fields.need("file_replaced", stats.file_replaced);
  return fields.status();
}

Json toJson(const EnginePin& pin) {
  return Json{{"session", pin.session_key},
              {"tokens", pin.n_tokens},
              {"logical_bytes", pin.logical_bytes},
              {"unique_bytes", pin.unique_bytes},
              {"complete", pin.complete}};
}

Status fromJson(const Json& json, EnginePin& pin) {
  JsonFields fields(json);
  fields.need("session", pin.session_key);
  fields.need("tokens", pin.n_tokens);
  fields.need("logical_bytes", pin.logical_bytes);
  fields.need("unique_bytes", pin.unique_bytes);
  fields.need("complete", pin.complete);
  return fields.status();
}

Json toJson(const KvTransfer& reply) {
  return Json{{"blocks", reply.n_blocks},
              {"states", reply.n_states},
              {"bytes", reply.n_bytes},
              {"tokens", reply.n_tokens}};
}

Status fromJson(const Json& json, KvTransfer& reply) {
  JsonFields fields(json);
  fields.need("blocks", reply.n_blocks);
  fields.need("states", reply.n_states);
  fields.need("bytes", reply.n_bytes);
  fields.need("tokens", reply.n_tokens);
  return fields.status();
}

Json toJson(const base::Progress& progress) {
  return Json{{"done", progress.n_done},           {"total", progress.n_total},
              {"safe", progress.n_safe},           {"tokens_per_s", progress.tokens_per_s},
              {"elapsed_s", progress.elapsed_s},   {"eta_low_s", progress.eta_low_s},
              {"eta_high_s", progress.eta_high_s}};
}

Status fromJson(const Json& json, base::Progress& progress) {
  JsonFields fields(json);
  fields.need("done", progress.n_done);
  fields.need("total", progress.n_total);
  fields.need("safe", progress.n_safe);
  fields.maybe("tokens_per_s", progress.tokens_per_s);
  fields.maybe("elapsed_s", progress.elapsed_s);
  fields.maybe("eta_low_s", progress.eta_low_s);
  fields.maybe("eta_high_s", progress.eta_high_s);
  return fields.status();
}

}  // namespace app
