#include "app/workbench/service_thread.h"

#include <utility>

namespace app {

ServiceThread::ServiceThread(QObject& window) : window_(window) {
  context_.moveToThread(&thread_);
  thread_.setObjectName("service");
  thread_.start();
}

ServiceThread::~ServiceThread() {
  closing_.request_stop();
  stop();
  // Behind the jobs that wait: those that must be done are done, the databases close last.
  QMetaObject::invokeMethod(&context_, [this] {
    service_.reset();
    thread_.quit();
  }, Qt::QueuedConnection);
  thread_.wait();
}

void ServiceThread::open(const ServiceOptions& options,
                         std::function<void(base::Status)> on_opened) {
  QMetaObject::invokeMethod(&context_, [this, options, on_opened = std::move(on_opened)] {
    service_.reset();  // the databases have one writer: the old one goes first
    auto opened = ReadingService::open(options);
    if (opened) service_ = std::move(*opened);
    inWindow([on_opened, status = opened ? base::Status{} : tl::make_unexpected(opened.error())] {
      on_opened(status);
    });
  }, Qt::QueuedConnection);
}

void ServiceThread::post(Job job, Until until) {
  QMetaObject::invokeMethod(&context_, [this, job = std::move(job), until, stop = token(until)] {
    if (closing_.stop_requested() && until != Until::kDone) return;
    if (service_) job(*service_, stop);
  }, Qt::QueuedConnection);
}

void ServiceThread::look(Look look) {
  {
    const std::scoped_lock lock(mutex_);
    looks_.push_back(std::move(look));
  }
  QMetaObject::invokeMethod(&context_, [this] { serveLooks(); }, Qt::QueuedConnection);
}

void ServiceThread::serveLooks() {
  while (!closing_.stop_requested()) {
    Look look;
    {
      const std::scoped_lock lock(mutex_);
      if (looks_.empty()) return;
      look = std::move(looks_.front());
      looks_.pop_front();
    }
    if (service_) look(*service_);
  }
}

void ServiceThread::stop() {
  const std::scoped_lock lock(mutex_);
  stop_.request_stop();
  stop_ = std::stop_source();
}

std::stop_token ServiceThread::token(Until until) {
  if (until == Until::kDone) return {};
  if (until == Until::kClosed) return closing_.get_token();
  const std::scoped_lock lock(mutex_);
  return stop_.get_token();
}

void ServiceThread::inWindow(std::function<void()> show) {
  QMetaObject::invokeMethod(&window_, std::move(show), Qt::QueuedConnection);
}

}  // namespace app
