#include "app/engine_client.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "app/child_process.h"
#include "app/engine_protocol.h"
#include "app/json_fields.h"
#include "app/model_fault.h"
#include "engine/base/frame.h"
#include "engine/base/log.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::SequenceId;
using base::Status;
using base::TokenId;
using engine::Json;

namespace {

using Clock = std::chrono::steady_clock;
using OnNotification = std::function<void(const std::string& method, const Json& params)>;

constexpr int kDeathsInRowMax = 2;
constexpr auto kStopPatience = std::chrono::seconds(10);
constexpr double kExitPatience_s = 5;

// One run of lectern-engine: the process, and a thread that takes in what it says.
class EngineProcess {
 public:
  static Result<std::unique_ptr<EngineProcess>> start(const EngineSettings& settings) {
    std::vector<std::string> arguments;
    if (!settings.log_file.empty()) arguments = {"--log", settings.log_file.string()};
    TRY_ASSIGN(auto child, ChildProcess::start(settings.program, arguments));
    return std::unique_ptr<EngineProcess>(new EngineProcess(std::move(child)));
  }

  ~EngineProcess() {
    child_->closeInput();
    if (!child_->wait(kExitPatience_s)) child_->kill(SIGKILL);
    reader_.join();
  }

  // May be called from any thread.
  Status write(const Json& message) {
    const std::string body = dumpJson(message);
    std::lock_guard lock(write_mutex_);
    return base::writeFrame(child_->input(), body);
  }

  // The next message; empty at `deadline`, kEngineStopped with a sentence when the process ended.
  Result<std::optional<Json>> receive(Clock::time_point deadline, const bool& wake) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [&] { return !messages_.empty() || ended_ || wake; });
    if (!messages_.empty()) {
      Json message = std::move(messages_.front());
      messages_.pop_front();
      return message;
    }
    if (!ended_) return std::nullopt;
    lock.unlock();
    return farewell();
  }

  // Sets `wake` so that receive() looks at the clock again. May be called from any thread.
  void wakeUp(bool& wake) {
    std::lock_guard lock(mutex_);
    wake = true;
    changed_.notify_all();
  }

  void kill() { child_->kill(SIGKILL); }
  pid_t pid() const { return child_->pid(); }
  bool ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  explicit EngineProcess(std::unique_ptr<ChildProcess> child)
      : child_(std::move(child)), reader_([this] { readMessages(); }) {}

  void readMessages() {
    base::FrameReader frames(child_->output());
    while (auto body = frames.read()) {
      Result<Json> message = engine::parseJson(*body);
      if (!message) break;  // not our protocol: treated as its end
      std::lock_guard lock(mutex_);
      messages_.push_back(*std::move(message));
      changed_.notify_all();
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  tl::unexpected<base::Error> farewell() {
    const auto end = child_->wait(kExitPatience_s);
    if (end && end->exit_code == kModelFaultExit)
      return failure(ErrorCode::kCorrupt,
                     "lectern-engine found that the model file changed while it was open",
                     "Leave model files alone while they are in use. What was read and said is "
                     "saved; copy the model again if it was damaged.");
    return failure(ErrorCode::kEngineStopped,
                   "lectern-engine " + (end ? end->sentence() : "stopped speaking its protocol"),
                   "What was read and said is saved. Try again: the engine starts anew.");
  }

  std::unique_ptr<ChildProcess> child_;

  std::mutex write_mutex_;  // one frame at a time

  std::mutex mutex_;  // guards everything below but the thread
  std::condition_variable changed_;
  std::deque<Json> messages_;
  bool ended_ = false;

  std::thread reader_;
};

// What must be known of a sequence to bring it back in a new process.
struct LiveSequence {
  std::int64_t remote = 0;  // id in the process
  int run = 0;              // which process
  std::vector<TokenId> tokens;
};

}  // namespace

class EngineClient::Impl {
 public:
  explicit Impl(EngineSettings settings) : settings_(std::move(settings)) {}

  Result<EngineInfo> load(std::stop_token stop) {
    TRY(ensureLoaded(stop));
    return *info_;
  }

  // One request to a process that runs. Its death is counted and ends the process object.
  Result<Json> call(const std::string& method, Json params, const OnNotification& on_notification,
                    std::stop_token stop) {
    const std::int64_t id = ++last_id_;
    EngineProcess& process = *process_;
    (void)process.write(requestJson(id, method, std::move(params)));  // a failure shows as its end
    auto deadline = Clock::time_point::max();
    bool wake = false;
    const auto ask_to_stop = [&] {
      (void)process.write(requestJson(-1, "stop", {{"request", id}}));
      process.wakeUp(wake);
    };
    // Whoever stops does so from another thread: the callback ends before the process does.
    std::optional<std::stop_callback<decltype(ask_to_stop)>> on_stop;
    on_stop.emplace(stop, ask_to_stop);
    while (true) {
      auto message = process.receive(deadline, wake);
      if (!message) {
        on_stop.reset();
        return buried(std::move(message).error());
      }
      if (!*message) {
        if (deadline != Clock::time_point::max()) {
          on_stop.reset();
          return killed();
        }
        deadline = Clock::now() + kStopPatience;
        wake = false;
        continue;
      }
      if (auto reply = replyTo(id, **message, on_notification)) {
        if (*reply && method != "load") n_deaths_in_row_ = 0;
        return *std::move(reply);
      }
    }
  }

  // Starts the process and loads the model unless both is done.
  Status ensureLoaded(std::stop_token stop) {
    if (process_ && process_->ended()) bury();
    if (!process_) TRY(start());
    if (info_) return {};
    TRY_ASSIGN(const Json reply, call("load", toJson(settings_), {}, stop));
    EngineInfo info;
    TRY(fromJson(reply, info));
    info_ = std::move(info);
    return {};
  }

  SequenceId addSequence(LiveSequence sequence) {
    const SequenceId id{++last_sequence_};
    sequences_.emplace(id.value, std::move(sequence));
    return id;
  }

  // The sequence, alive in the present process; with `filled` holding its tokens.
  Result<LiveSequence*> ensureSequence(SequenceId id, bool filled, std::stop_token stop) {
    TRY(ensureLoaded(stop));
    const auto found = sequences_.find(id.value);
    if (found == sequences_.end()) return failure(ErrorCode::kNotFound, "no such sequence");
    LiveSequence& sequence = found->second;
    if (sequence.run == n_starts_) return &sequence;
    TRY_ASSIGN(sequence.remote, openRemote(stop));
    if (filled && !sequence.tokens.empty())
      TRY(call("sync", {{"sequence", sequence.remote}, {"tokens", tokensToBase64(sequence.tokens)}},
               {}, stop));
    sequence.run = n_starts_;
    return &sequence;
  }

  Result<std::int64_t> openRemote(std::stop_token stop) {
    TRY_ASSIGN(const Json reply, call("open", Json::object(), {}, stop));
    std::int64_t remote = 0;
    JsonFields fields(reply);
    fields.need("sequence", remote);
    TRY(fields.status());
    return remote;
  }

  void end() {
    process_.reset();
    info_.reset();
  }

  EngineSettings& settings() { return settings_; }
  void forgetDeaths() { n_deaths_in_row_ = 0; }
  void drop(SequenceId id) { sequences_.erase(id.value); }
  bool running() const { return process_ && !process_->ended(); }
  pid_t pid() const { return process_ ? process_->pid() : 0; }
  int nStarts() const { return n_starts_; }

 private:
  Status start() {
    if (n_deaths_in_row_ > kDeathsInRowMax)
      return failure(ErrorCode::kEngineStopped,
                     "lectern-engine ended " + std::to_string(n_deaths_in_row_) +
                         " times in a row; the last time it " + last_end_,
                     "See the log file, then restart the engine or choose another model.");
    TRY_ASSIGN(process_, EngineProcess::start(settings_));
    ++n_starts_;
    return {};
  }

  // Empty when the message was not the answer to `id`.
  std::optional<Result<Json>> replyTo(std::int64_t id, const Json& message,
                                      const OnNotification& on_notification) {
    JsonFields fields(message);
    if (const Json* method = fields.find("method"); method != nullptr && method->is_string()) {
      const Json* params = fields.find("params");
      std::int64_t request = 0;
      if (params != nullptr) JsonFields(*params).maybe("request", request);
      if (request == id && on_notification) on_notification(method->get<std::string>(), *params);
      return std::nullopt;
    }
    std::int64_t answered = 0;
    fields.maybe("id", answered);
    if (answered != id) return std::nullopt;
    if (const Json* error = fields.find("error")) {
      const Json* data = JsonFields(*error).find("data");
      return Result<Json>(tl::make_unexpected(errorFromJson(data != nullptr ? *data : *error)));
    }
    const Json* result = fields.find("result");
    return Result<Json>(result != nullptr ? *result : Json::object());
  }

  void bury() {
    ++n_deaths_in_row_;
    base::logError("app", "engine process died pid=" + std::to_string(process_->pid()) +
                              " in_row=" + std::to_string(n_deaths_in_row_));
    end();
  }

  tl::unexpected<base::Error> buried(base::Error error) {
    last_end_ = error.message.substr(error.message.find(' ') + 1);
    bury();
    return tl::unexpected<base::Error>(std::move(error));
  }

  // It did not react to a stop: gone, on our side of the account.
  tl::unexpected<base::Error> killed() {
    base::logWarn("app", "engine process killed: it did not stop");
    process_->kill();
    end();
    return failure(ErrorCode::kCancelled, "stopped; the engine did not react and was ended");
  }

  EngineSettings settings_;
  std::unique_ptr<EngineProcess> process_;
  std::optional<EngineInfo> info_;  // of the model loaded in process_
  std::map<std::int64_t, LiveSequence> sequences_;
  std::int64_t last_id_ = 0, last_sequence_ = 0;
  int n_starts_ = 0, n_deaths_in_row_ = 0;
  std::string last_end_;
};

namespace {

// The answer of `call` as a typed value.
template <class T>
Result<T> typed(const Result<Json>& reply) {
  if (!reply) return tl::make_unexpected(reply.error());
  T value;
  TRY(fromJson(*reply, value));
  return value;
}

template <class T>
OnNotification deliver(const char* wanted, const std::function<void(const T&)>& callback) {
  return [wanted, &callback](const std::string& method, const Json& params) {
    T value;
    if (callback && method == wanted && fromJson(params, value)) callback(value);
  };
}

}  // namespace

EngineClient::EngineClient(EngineSettings settings)
    : impl_(std::make_unique<Impl>(std::move(settings))) {}

EngineClient::~EngineClient() = default;

Result<EngineInfo> EngineClient::load(std::stop_token stop) { return impl_->load(stop); }

Result<EnginePlan> EngineClient::plan(std::int64_t n_context, std::stop_token stop) {
  TRY(impl_->ensureLoaded(stop));
  return typed<EnginePlan>(impl_->call("plan", {{"context", n_context}}, {}, stop));
}

Result<SequenceId> EngineClient::openSequence(std::stop_token stop) {
  TRY(impl_->ensureLoaded(stop));
  LiveSequence sequence;
  TRY_ASSIGN(sequence.remote, impl_->openRemote(stop));
  sequence.run = impl_->nStarts();
  return impl_->addSequence(std::move(sequence));
}

Result<SyncReply> EngineClient::sync(SequenceId id, std::span<const TokenId> tokens,
                                     const std::string& session_key,
                                     const std::function<void(const base::Progress&)>& on_progress,
                                     std::stop_token stop) {
  TRY_ASSIGN(LiveSequence * sequence, impl_->ensureSequence(id, false, stop));
  const Json params{{"sequence", sequence->remote},
                    {"tokens", tokensToBase64(tokens)},
                    {"session", session_key}};
  auto reply = typed<SyncReply>(
      impl_->call("sync", params, deliver<base::Progress>("progress", on_progress), stop));
  if (reply) sequence->tokens.assign(tokens.begin(), tokens.end());
  return reply;
}

Result<engine::Generated> EngineClient::decode(
    SequenceId id, const DecodeRequest& request,
    const std::function<void(const base::AnswerDelta&)>& on_delta, std::stop_token stop) {
  TRY_ASSIGN(LiveSequence * sequence, impl_->ensureSequence(id, true, stop));
  Json params = toJson(request);
  params["sequence"] = sequence->remote;
  auto generated = typed<engine::Generated>(
      impl_->call("decode", params, deliver<base::AnswerDelta>("delta", on_delta), stop));
  if (generated)
    sequence->tokens.insert(sequence->tokens.end(), generated->ids.begin(), generated->ids.end());
  return generated;
}

Status EngineClient::save(SequenceId id, const std::string& session_key, std::stop_token stop) {
  TRY_ASSIGN(LiveSequence * sequence, impl_->ensureSequence(id, true, stop));
  TRY(impl_->call("save", {{"sequence", sequence->remote}, {"session", session_key}}, {}, stop));
  return {};
}

Result<SequenceId> EngineClient::fork(SequenceId id, std::stop_token stop) {
  TRY_ASSIGN(LiveSequence * sequence, impl_->ensureSequence(id, true, stop));
  TRY_ASSIGN(const Json reply, impl_->call("fork", {{"sequence", sequence->remote}}, {}, stop));
  LiveSequence copy = *sequence;
  JsonFields fields(reply);
  fields.need("sequence", copy.remote);
  TRY(fields.status());
  return impl_->addSequence(std::move(copy));
}

Status EngineClient::rewind(SequenceId id, std::int64_t n_tokens, std::stop_token stop) {
  TRY_ASSIGN(LiveSequence * sequence, impl_->ensureSequence(id, true, stop));
  TRY(impl_->call("rewind", {{"sequence", sequence->remote}, {"n_tokens", n_tokens}}, {}, stop));
  sequence->tokens.resize(std::min(sequence->tokens.size(), static_cast<std::size_t>(n_tokens)));
  return {};
}

void EngineClient::close(SequenceId id) {
  // Only a sequence of the running process needs to be closed there.
  if (impl_->running())
    if (const auto sequence = impl_->ensureSequence(id, false, {}))
      (void)impl_->call("close", {{"sequence", (*sequence)->remote}}, {}, {});
  impl_->drop(id);
}

Status EngineClient::release(const std::string& session_key, bool forget, std::stop_token stop) {
  // A model that does not load is no reason to keep what it once made of a deleted session.
  if (const Status loaded = impl_->ensureLoaded(stop); !loaded && !impl_->running()) return loaded;
  TRY(impl_->call("release",
                  {{"session", session_key},
                   {"forget", forget},
                   {"cache_bytes_max", impl_->settings().cache_bytes_max}},
                  {}, stop));
  return {};
}

Result<KvTransfer> EngineClient::packKv(std::span<const TokenId> tokens,
                                        const std::vector<std::int64_t>& ends,
                                        const std::filesystem::path& file, std::stop_token stop) {
  TRY(impl_->ensureLoaded(stop));
  return typed<KvTransfer>(impl_->call(
      "pack", {{"tokens", tokensToBase64(tokens)}, {"ends", ends}, {"file", file.string()}}, {},
      stop));
}

Result<KvTransfer> EngineClient::unpackKv(std::span<const TokenId> tokens,
                                          const std::filesystem::path& file,
                                          const std::string& session_key, std::stop_token stop) {
  TRY(impl_->ensureLoaded(stop));
  return typed<KvTransfer>(impl_->call(
      "unpack",
      {{"tokens", tokensToBase64(tokens)}, {"file", file.string()}, {"session", session_key}}, {},
      stop));
}

Result<std::vector<EnginePin>> EngineClient::pins(std::stop_token stop) {
  TRY(impl_->ensureLoaded(stop));
  TRY_ASSIGN(const Json reply, impl_->call("pins", Json::object(), {}, stop));
  std::vector<EnginePin> pins;
  if (const Json* items = JsonFields(reply).find("pins"); items != nullptr && items->is_array())
    for (const Json& item : *items) TRY(fromJson(item, pins.emplace_back()));
  return pins;
}

Result<EngineStats> EngineClient::stats(std::stop_token stop) {
  TRY(impl_->ensureLoaded(stop));
  return typed<EngineStats>(impl_->call("stats", Json::object(), {}, stop));
}

void EngineClient::setCacheBytesMax(std::int64_t n_bytes) {
  impl_->settings().cache_bytes_max = n_bytes;
}

void EngineClient::restart() {
  impl_->end();
  impl_->forgetDeaths();
}

bool EngineClient::running() const { return impl_->running(); }
pid_t EngineClient::pid() const { return impl_->pid(); }
int EngineClient::nStarts() const { return impl_->nStarts(); }

}  // namespace app
