#include "app/workbench/service_thread.h"

#include <utility>

namespace app {

ServiceThread::ServiceThread(QObject& window) : window_(window), context_(new QObject) {
  context_->moveToThread(&thread_);
  thread_.setObjectName("service");
  thread_.start();
}

ServiceThread::~ServiceThread() {
  stop();
  QMetaObject::invokeMethod(context_, [this] { service_.reset(); }, Qt::QueuedConnection);
  context_->deleteLater();
  thread_.quit();
  thread_.wait();
}

void ServiceThread::open(const ServiceOptions& options,
                         std::function<void(base::Status)> on_opened) {
  QMetaObject::invokeMethod(context_, [this, options, on_opened = std::move(on_opened)] {
    service_.reset();  // the databases have one writer: the old one goes first
    auto opened = ReadingService::open(options);
    if (opened) service_ = std::move(*opened);
    inWindow([on_opened, status = opened ? base::Status{} : tl::make_unexpected(opened.error())] {
      on_opened(status);
    });
  }, Qt::QueuedConnection);
}

void ServiceThread::post(Job job) {
  QMetaObject::invokeMethod(context_, [this, job = std::move(job), stop = token()] {
    if (service_) job(*service_, stop);
  }, Qt::QueuedConnection);
}

void ServiceThread::stop() {
  const std::scoped_lock lock(mutex_);
  stop_.request_stop();
  stop_ = std::stop_source();
}

std::stop_token ServiceThread::token() {
  const std::scoped_lock lock(mutex_);
  return stop_.get_token();
}

void ServiceThread::inWindow(std::function<void()> show) {
  QMetaObject::invokeMethod(&window_, std::move(show), Qt::QueuedConnection);
}

}  // namespace app
