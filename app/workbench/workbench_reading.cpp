// How a plan is made and how it is read.
#include <utility>

#include <QSet>

#include "app/plan_choices.h"
#include "app/workbench/shown_values.h"
#include "app/workbench/workbench.h"

namespace app {

using base::ErrorCode;
using ui::EngineState;
using ui::ErrorPlace;

// --- plan ----------------------------------------------------------------------------------------

void Workbench::planSamples() {
  const auto samples = samplesFolder();
  if (samples.empty())
    return fail({ErrorCode::kNotFound, "the samples are not installed", "Choose a folder instead."},
                ErrorPlace::kWelcome, {}, [this] { planSamples(); });
  plan({shown((samples / "gateway").string()), shown((samples / "handbook.pdf").string())});
}

void Workbench::plan(const QStringList& chosen) {
  makeWay();
  std::vector<std::filesystem::path> paths;
  for (const QString& path : chosen) paths.emplace_back(path.toStdString());
  const int course = ++course_;
  service_.post([this, course, chosen, paths](ReadingService& service, std::stop_token stop) {
    const auto show = [&](const SourcePlan& plan, bool counting) {
      const std::string wanted =
          plan.sources.empty() ? std::string("session") : plan.sources[0].name;
      const auto sessions = service.sessions();
      const QString title = shown(sessions ? freeName(*sessions, wanted) : wanted);
      service_.inWindow([this, course, plan, title, counting, speed = service.forecast()] {
        if (course == course_) showPlan(plan, title, counting, speed);
      });
    };
    const auto seen = service.plan(paths, false, nullptr, stop);
    if (seen) show(*seen, true);
    const auto counted = seen ? service.plan(paths, true, nullptr, stop) : seen;
    if (counted) return show(*counted, false);
    service_.inWindow([this, course, chosen, error = counted.error()] {
      if (course != course_) return;
      fail(error, ErrorPlace::kWelcome, {}, [this, chosen] { plan(chosen); });
    });
  });
}

void Workbench::showPlan(const SourcePlan& plan, const QString& title, bool counting,
                         const base::Result<SpeedForecast>& speed) {
  plan_ = plan;
  plan_value_ = planValue(plan, title);
  plan_value_.counting = counting;
  plan_value_.n_context_max = engine_.context_max;
  if (speed) {
    plan_value_.tok_s_low = speed->tok_s_low;
    plan_value_.tok_s_high = speed->tok_s_high;
    plan_value_.first_run = !speed->measured;
  }
  window_.showPlan(plan_value_);
}

void Workbench::cancelPlan() {
  ++course_;
  service_.stop();
  window_.showWelcome(welcomeValue(options_.paths));
}

// --- read ----------------------------------------------------------------------------------------

void Workbench::read(const ui::PlanSelection& selection) {
  service_.stop();  // counting need not be finished
  SourcePlan plan = plan_;
  const auto setOf = [](const QStringList& paths) {
    return QSet<QString>(paths.begin(), paths.end());
  };
  const QSet<QString> checked = setOf(selection.checked), outline = setOf(selection.outline),
                      name_only = setOf(selection.name_only);
  for (PlannedFile& file : plan.files) {
    if (!file.entry.read) continue;
    const QString path = shown(file.entry.path);
    if (!checked.contains(path)) {
      file.entry.read = false;
      file.entry.reason = kLeftOut;
      file.entry.detail = "Left out by you.";
    }
    if (outline.contains(path)) setDetailLevel(file.entry, base::DetailLevel::kOutline);
    if (name_only.contains(path)) setDetailLevel(file.entry, base::DetailLevel::kNameOnly);
  }
  IngestRequest request;
  request.session = plan_value_.title.toStdString();
  request.plan = std::move(plan);
  runReading(request);
}

void Workbench::continueReading() {
  window_.setReadingState(ui::ReadingState::kReading);
  runReading(request_);
}

void Workbench::askWhileReading() {
  service_.stop();
  openSession(request_.session, ErrorPlace::kReading);
}

void Workbench::runReading(const IngestRequest& request) {
  const int course = ++course_;
  request_ = request;
  reading_ = readingValue(shown(request.session), request.plan, nullptr);
  window_.showReading(reading_);
  setEngine(EngineState::kReading);
  service_.post([this, course, request](ReadingService& service, std::stop_token stop) {
    const auto report = service.ingest(request, readingEvents(course, request), stop);
    service_.inWindow([this, course, session = request.session, report] {
      if (course == course_) endReading(session, report);
    });
  });
}

IngestEvents Workbench::readingEvents(int course, const IngestRequest& request) {
  const auto show = [this, course](std::function<void()> what) {
    service_.inWindow([this, course, what = std::move(what)] {
      if (course == course_) what();
    });
  };
  IngestEvents events;
  events.on_plan = [this, show, title = shown(request.session),
                    sources = request.plan](const IngestPlan& plan) {
    show([this, title, sources, plan] {
      listSessions();  // the reading stands among the unfinished ones from here on
      reading_ = readingValue(title, sources, &plan);
      window_.showReading(reading_);
      window_.setContext(contextValue(plan.spans, plan.n_context_max, 0));
    });
  };
  events.on_progress = [this, show](const base::Progress& progress) {
    show([this, progress] { showReadingProgress(progress); });
    service_.serveLooks();
  };
  events.on_restart = [this, show](const base::Error&) {
    show([this] { setEngine(EngineState::kRestarting); });
  };
  return events;
}

void Workbench::showReadingProgress(const base::Progress& progress) {
  if (engine_value_.state == EngineState::kRestarting) setEngine(EngineState::kReading);
  if (const std::int64_t n_reused = reading_.n_context - progress.n_total;
      n_reused != reading_.n_reused) {
    reading_.n_reused = n_reused;
    reading_.progress = progress;
    window_.showReading(reading_);
  }
  double fraction = 0;
  const int file = fileAt(reading_, reading_.n_reused + progress.n_done, &fraction);
  window_.showReadingProgress(progress, file, fraction);
  engine_value_.read_tok_s = progress.tokens_per_s;
  window_.setEngine(engine_value_);
}

void Workbench::endReading(const std::string& session,
                           const base::Result<IngestReport>& report) {
  if (report) {
    setEngine(EngineState::kReady);
    window_.setReadingState(ui::ReadingState::kDone);
    return openSession(session, ErrorPlace::kReading);
  }
  const bool paused = report.error().code == ErrorCode::kCancelled;
  setEngine(paused ? EngineState::kPaused : EngineState::kReady);
  window_.setReadingState(paused ? ui::ReadingState::kPaused : ui::ReadingState::kFailed);
  listSessions();
  // Another model's session: who has been told and tries again wants it read with this one.
  if (report.error().code == ErrorCode::kMismatch) request_.other_model = OtherModel::kReadAgain;
  fail(report.error(), ErrorPlace::kReading, shown(session), [this] { continueReading(); });
}

}  // namespace app
