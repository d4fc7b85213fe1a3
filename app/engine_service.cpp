#include "app/engine_service.h"

#include <chrono>
#include <thread>

#include <unistd.h>

#include "app/engine_host.h"
#include "app/engine_protocol.h"
#include "app/json_fields.h"
#include "app/model_fault.h"
#include "engine/base/frame.h"
#include "engine/base/log.h"

namespace app {

using base::ErrorCode;
using base::failure;
using engine::Json;

namespace {

// How long a step may take to notice that lectern is gone before the process ends regardless.
// snapshots.db survives that: a transaction that did not end is rolled back at the next open.
constexpr auto kFarewell = std::chrono::seconds(3);

}  // namespace

EngineService::EngineService(int input, int output) : input_(input), output_(output) {}

int EngineService::run() {
  std::jthread reader([this] { readRequests(); });
  // The notifications of a request and its answer leave through the same door, in order.
  EngineHost host([this](const Json& message) { write(message); });
  int code = 0;
  while (true) {
    auto request = queue_.receive(input_ended_.get_token());
    if (!request || request->method == "shutdown") {
      if (request) write(resultJson(request->id, Json::object()));
      break;
    }
    serve(host, *request);
    if (host.finished()) {
      code = kModelFaultExit;
      break;
    }
  }
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
  // After shutdown the reader may still wait for input that never comes.
  if (!input_ended_.stop_requested()) reader.detach();
  return code;
}

void EngineService::serve(EngineHost& host, Request& request) {
  base::Result<Json> result = host.call(request.id, request.method, request.params,
                                        request.stop.get_token());
  {
    std::lock_guard lock(mutex_);
    unanswered_.erase(request.id);
  }
  if (result) return write(resultJson(request.id, *std::move(result)));
  const base::Error& error = result.error();
  base::logInfo("app", "request failed method=" + request.method +
                           " code=" + std::string(base::errorCodeName(error.code)));
  // Without an answer: lectern knows by the exit code, and asks the next process.
  if (host.finished()) return base::logError("app", error.message);
  write(errorJson(request.id, kServerError, error));
}

void EngineService::write(const Json& message) {
  const std::string body = dumpJson(message);
  std::lock_guard lock(write_mutex_);
  // A broken pipe shows as the end of the input as well; that ends the process.
  (void)base::writeFrame(output_, body);
}

void EngineService::readRequests() {
  base::FrameReader frames(input_);
  while (auto body = frames.read()) accept(*body);
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, stop] : unanswered_) stop.request_stop();
  }
  input_ended_.request_stop();
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kFarewell, [this] { return finished_; })) ::_exit(0);
}

void EngineService::accept(const std::string& body) {
  base::Result<Json> message = engine::parseJson(body);
  if (!message)
    return write(errorJson(0, kParseError, {ErrorCode::kInvalidInput, "request is no JSON", ""}));
  Request request;
  JsonFields fields(*message);
  fields.need("id", request.id);
  fields.need("method", request.method);
  if (!fields.status())
    return write(errorJson(0, kInvalidRequest, fields.status().error()));
  if (const Json* params = fields.find("params")) request.params = *params;
  if (request.method == "stop") {
    std::int64_t target = 0;
    JsonFields params(request.params);
    params.need("request", target);
    if (params.status()) stopRequest(target);
    return write(resultJson(request.id, Json::object()));
  }
  {
    std::lock_guard lock(mutex_);
    unanswered_.emplace(request.id, request.stop);
  }
  // Fails only when the process is about to end.
  (void)queue_.send(std::move(request), input_ended_.get_token());
}

void EngineService::stopRequest(std::int64_t id) {
  std::lock_guard lock(mutex_);
  if (const auto found = unanswered_.find(id); found != unanswered_.end())
    found->second.request_stop();
}

}  // namespace app
