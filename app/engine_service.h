// engine_service.h: lectern-engine as a process: requests in on one descriptor, answers out on the
// other.
//
// Two threads. The thread that calls run() owns the EngineHost with engine, sequences and
// snapshots.db, and works through the requests in order. The other reads requests, so that stop
// reaches a request that is working or waiting, and the end of the input ends the process.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "engine/base/channel.h"
#include "engine/base/result.h"
#include "engine/json.h"

namespace app {

class EngineHost;

class EngineService {
 public:
  // The descriptors are not owned.
  EngineService(int input, int output);

  // Serves until shutdown or the end of the input; returns the exit code of the process. After
  // shutdown the reading thread may outlive the call: this object must live until the process ends.
  int run();

 private:
  struct Request {
    std::int64_t id = 0;
    std::string method;
    engine::Json params;
    std::stop_source stop;
  };

  void readRequests();
  void accept(const std::string& body);
  void stopRequest(std::int64_t id);
  void serve(EngineHost& host, Request& request);
  void write(const engine::Json& message);

  const int input_, output_;           // constant after construction
  base::Channel<Request> queue_{256};  // own synchronisation
  std::stop_source input_ended_;       // own synchronisation

  std::mutex write_mutex_;  // one frame at a time

  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  // Requests taken in and not answered yet, each with its stop source.
  std::map<std::int64_t, std::stop_source> unanswered_;
  bool finished_ = false;  // run() left its loop
};

}  // namespace app
