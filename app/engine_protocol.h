// engine_protocol.h: what lectern and lectern-engine say to each other, as JSON.
//
// JSON-RPC 2.0 in frames (engine/base/frame.h). Requests of lectern:
//   load {model, data, backend, numerics, threads, context_max, memory_bytes, cache_bytes_max}
//                                                             -> EngineInfo
//   plan {context}                                            -> EnginePlan
//   open {} -> {sequence}      close {sequence}      fork {sequence} -> {sequence}
//   sync {sequence, tokens, session}                          -> SyncReply; progress notifications
//   decode {sequence, sampling, max_tokens, quotable, thinking} -> Generated; delta notifications
//   rewind {sequence, n_tokens}      save {sequence, session}
//   release {session, forget, cache_bytes_max}: without forget also evicts beyond cache_bytes_max;
//     an empty session only does that
//   pack {tokens, ends, file}      unpack {tokens, file, session}     -> KvTransfer
//   pins {}      stats {}
//   stop {request}: ends that request with "cancelled" (decode: a result "stopped"); answered at
//     once, also while that request works
//   shutdown {}: answered, then the process ends; so does the end of its stdin
// Notifications of lectern-engine: progress {request, ...}, delta {request, ...}.
// Token arrays are base64 of little-endian int32: a million of them parse in milliseconds.
// Errors carry {code, message, hint} in error.data.
#pragma once

#include <cstdint>
#include <string>

#include "app/engine_client.h"
#include "engine/base/answer.h"
#include "engine/generator.h"
#include "engine/json.h"

namespace app {

// JSON-RPC's own error codes; everything typed is kServerError with its data.
inline constexpr int kParseError = -32700, kInvalidRequest = -32600, kMethodNotFound = -32601,
                     kServerError = -32000;

engine::Json requestJson(std::int64_t id, const std::string& method, engine::Json params);
engine::Json resultJson(std::int64_t id, engine::Json result);
engine::Json errorJson(std::int64_t id, int code, const base::Error& error);
engine::Json notificationJson(const std::string& method, engine::Json params);

// What load needs of EngineSettings; program and log file stay behind.
engine::Json toJson(const EngineSettings& settings);
engine::Json toJson(const EngineInfo& info);
engine::Json toJson(const EnginePlan& plan);
engine::Json toJson(const SyncReply& reply);
engine::Json toJson(const DecodeRequest& request);
engine::Json toJson(const engine::Generated& generated);
engine::Json toJson(const EngineStats& stats);
engine::Json toJson(const EnginePin& pin);
engine::Json toJson(const KvTransfer& reply);
engine::Json toJson(const base::Progress& progress);
engine::Json toJson(const base::AnswerDelta& delta);
engine::Json toJson(const base::QuoteMatch& match);

// kInvalidInput names the field that is not right.
base::Status fromJson(const engine::Json& json, EngineSettings& settings);
base::Status fromJson(const engine::Json& json, EngineInfo& info);
base::Status fromJson(const engine::Json& json, EnginePlan& plan);
base::Status fromJson(const engine::Json& json, SyncReply& reply);
base::Status fromJson(const engine::Json& json, DecodeRequest& request);
base::Status fromJson(const engine::Json& json, engine::Generated& generated);
base::Status fromJson(const engine::Json& json, EngineStats& stats);
base::Status fromJson(const engine::Json& json, EnginePin& pin);
base::Status fromJson(const engine::Json& json, KvTransfer& reply);
base::Status fromJson(const engine::Json& json, base::Progress& progress);
base::Status fromJson(const engine::Json& json, base::AnswerDelta& delta);
base::Status fromJson(const engine::Json& json, base::QuoteMatch& match);

}  // namespace app
