// service_thread.h: the one thread that owns the ReadingService while the window is open.
//
// Jobs run one after another, in the order they were posted. What they show goes back to the
// window's thread through inWindow(), in the order it was sent: everything a job shows arrives
// before anything the next one shows.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include <QObject>
#include <QThread>

#include "app/reading_service.h"

namespace app {

class ServiceThread {
 public:
  using Job = std::function<void(ReadingService&, std::stop_token)>;
  using Look = std::function<void(ReadingService&)>;

  // What triggers the token of a job.
  enum class Until {
    kStopped,  // stop(): plans, readings, answers. One that waits still runs, to say that it ended
    kClosed,   // the end of the window; one that waits is dropped then
    kDone,     // nothing: short, and confirmed by the user
  };

  // `window` lives in the thread that creates this and outlives it.
  explicit ServiceThread(QObject& window);
  // Stops the running job and waits for it.
  ~ServiceThread();
  ServiceThread(const ServiceThread&) = delete;
  ServiceThread& operator=(const ServiceThread&) = delete;

  // Opens the service, in place of one that is open. Jobs posted while none is open do nothing.
  void open(const ServiceOptions& options, std::function<void(base::Status)> on_opened);
  void post(Job job, Until until = Until::kStopped);
  // A glance into session.db, which must not call the engine: taken at once when the running job
  // lets it (serveLooks), else in turn.
  void look(Look look);
  // Stops the running job and the ones that wait, of those that run until stopped.
  void stop();
  // For jobs, in their thread and between two calls of the service: takes the waiting looks.
  void serveLooks();
  // Any thread.
  void inWindow(std::function<void()> show);

 private:
  std::stop_token token(Until until);

  QObject& window_;
  QThread thread_;
  QObject context_;                          // lives in thread_
  std::unique_ptr<ReadingService> service_;  // touched in thread_ only
  std::stop_source closing_;                 // own synchronisation

  std::mutex mutex_;  // guards everything below
  std::stop_source stop_;
  std::deque<Look> looks_;
};

}  // namespace app
