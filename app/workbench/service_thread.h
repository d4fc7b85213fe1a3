// service_thread.h: the one thread that owns the ReadingService while the window is open.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include <QObject>
#include <QThread>

#include "app/reading_service.h"

namespace app {

// Jobs run one after another, in the order they were posted. Everything a job shows goes back to
// the window's thread through inWindow().
class ServiceThread {
 public:
  using Job = std::function<void(ReadingService&, std::stop_token)>;

  // `window` lives in the thread that creates this and outlives it.
  explicit ServiceThread(QObject& window);
  // Stops the running job and waits for it.
  ~ServiceThread();
  ServiceThread(const ServiceThread&) = delete;
  ServiceThread& operator=(const ServiceThread&) = delete;

  // Opens the service, in place of one that is open. Jobs posted while none is open do nothing.
  void open(const ServiceOptions& options, std::function<void(base::Status)> on_opened);
  void post(Job job);
  // Stops the running job and the ones that wait.
  void stop();
  // Any thread.
  void inWindow(std::function<void()> show);

 private:
  std::stop_token token();

  QObject& window_;
  QThread thread_;
  QObject* context_;  // lives in thread_
  std::unique_ptr<ReadingService> service_;  // touched in thread_ only
  std::mutex mutex_;
  std::stop_source stop_;
};

}  // namespace app
