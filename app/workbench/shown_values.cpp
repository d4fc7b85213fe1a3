#include "app/workbench/shown_values.h"

#include <algorithm>
#include <system_error>
#include <thread>

#include "engine/memory_plan.h"
#include "ui/words.h"

namespace app {
namespace {

constexpr const char* kIncludedModel = "lectern-mini";

QDateTime timeOf(std::int64_t unix_ms) { return QDateTime::fromMSecsSinceEpoch(unix_ms); }

// Of a model's folder, or its one file.
std::int64_t modelBytes(const std::filesystem::path& model) {
  std::int64_t bytes = 0;
  std::error_code error;
  if (std::filesystem::is_regular_file(model, error))
    return static_cast<std::int64_t>(std::filesystem::file_size(model, error));
  for (const auto& entry : std::filesystem::directory_iterator(model, error))
    if (entry.is_regular_file(error)) bytes += static_cast<std::int64_t>(entry.file_size(error));
  return bytes;
}

ui::SegmentKind segmentKind(const ContextSpan& span) {
  if (span.part == ContextSpan::Part::kMessage) return ui::SegmentKind::kConversation;
  if (span.part != ContextSpan::Part::kDocument) return ui::SegmentKind::kInstructions;
  return span.kind == base::DocumentKind::kPdf ? ui::SegmentKind::kPdf : ui::SegmentKind::kCode;
}

ui::ReadingFile readingFile(const std::string& path, base::DocumentKind kind,
                            const base::TokenRange& tokens) {
  ui::ReadingFile file;
  file.path = shown(path);
  file.kind = kind;
  file.tokens = tokens.size();
  file.position = tokens.begin;
  return file;
}

}  // namespace

QString shown(const std::string& text) { return QString::fromStdString(text); }

std::string freeName(const std::vector<storage::Session>& sessions, const std::string& wanted) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(sessions.begin(), sessions.end(),
                       [&](const storage::Session& session) { return session.name == name; });
  };
  std::string name = wanted;
  for (int n = 2; taken(name); ++n) name = wanted + " " + std::to_string(n);
  return name;
}

QString modelWords(const std::string& name) {
  return name == kIncludedModel ? QString("Lectern Mini") : shown(name);
}

ui::ErrorValue errorValue(const base::Error& error, ui::ErrorPlace place, const QString& subject) {
  ui::ErrorValue value;
  value.error = error;
  value.place = place;
  value.subject = subject;
  return value;
}

ui::WelcomeValue welcomeValue(const Paths& paths) {
  ui::WelcomeValue value;
  const unsigned n_cores = std::max(1u, std::thread::hardware_concurrency());
  value.facts.push_back({.ok = true,
                         .title = QString("%1 CPU cores").arg(n_cores),
                         .detail = "enough for the included model"});
  if (const std::int64_t memory = engine::availableMemory(); memory > 0)
    value.facts.push_back({.ok = memory > (std::int64_t{1} << 30),
                           .title = ui::byteWords(memory) + " of memory free",
                           .detail = "the plan says what a source needs before it is read"});
  std::error_code error;
  const auto disk = std::filesystem::space(paths.data, error);
  if (!error)
    value.facts.push_back({.ok = disk.available > (std::uintmax_t{1} << 30),
                           .title = ui::byteWords(static_cast<std::int64_t>(disk.available)) +
                                    " of disk free",
                           .detail = "for sessions and their snapshots"});
  value.facts.push_back({.ok = true, .title = "Offline", .detail = "nothing leaves this machine"});
  if (std::filesystem::exists(paths.model / "config.json", error) ||
      std::filesystem::is_regular_file(paths.model, error)) {
    const bool included = paths.model.filename() == kIncludedModel;
    value.model_name = included ? "Lectern Mini, included" : shown(paths.model.filename().string());
    value.model_text = included ? "A small stand-in with the true architecture. It finds and "
                                  "quotes lines; it does not reason, and it may quote the wrong "
                                  "line."
                                : shown(paths.model.string());
    value.model_bytes = modelBytes(paths.model);
  }
  return value;
}

ui::PlanValue planValue(const SourcePlan& plan, const QString& title) {
  ui::PlanValue value;
  value.title = title;
  value.n_reserved = kReservedTokens;
  for (const PlannedFile& file : plan.files)
    value.files.push_back({.path = shown(file.entry.path),
                           .kind = file.entry.kind,
                           .bytes = file.entry.bytes,
                           .tokens = file.entry.read ? file.n_tokens : 0,
                           .outline_tokens = file.n_outline,
                           .name_tokens = file.n_name,
                           .readable = file.entry.read,
                           .checked = file.entry.read,
                           .reason = shown(file.entry.reason),
                           .detail = shown(file.entry.detail)});
  return value;
}

ui::ReadingValue readingValue(const QString& title, const SourcePlan& sources,
                              const IngestPlan* plan) {
  ui::ReadingValue value;
  value.title = title;
  QStringList names;
  for (const PlannedSource& source : sources.sources) {
    const QString revision = shown(source.revision).left(7);
    names << ui::visibleText(shown(source.name)) + (revision.isEmpty() ? "" : " at " + revision);
  }
  value.subtitle = names.join(", then ") + ".";
  if (plan == nullptr) {
    for (const PlannedFile& file : sources.files)
      if (file.entry.read)
        value.files.push_back(readingFile(file.entry.path, file.entry.kind,
                                          {0, std::max<std::int64_t>(file.n_tokens, 0)}));
    return value;
  }
  for (const ContextSpan& span : plan->spans)
    if (span.part == ContextSpan::Part::kDocument)
      value.files.push_back(readingFile(span.path, span.kind, span.tokens));
  value.receipt = plan->receipt;
  value.n_context = plan->n_tokens;
  value.n_context_max = plan->n_context_max;
  value.progress.n_total = plan->n_tokens;
  return value;
}

int fileAt(const ui::ReadingValue& value, std::int64_t position, double* fraction) {
  const auto behind = std::upper_bound(
      value.files.begin(), value.files.end(), position,
      [](std::int64_t at, const ui::ReadingFile& file) { return at < file.position; });
  const auto index = static_cast<int>(behind - value.files.begin()) - 1;
  *fraction = 0;
  if (index < 0) return index;
  const ui::ReadingFile& file = value.files[static_cast<std::size_t>(index)];
  if (file.tokens > 0)
    *fraction = std::min(1.0, static_cast<double>(position - file.position) /
                                  static_cast<double>(file.tokens));
  return index;
}

ui::ContextValue contextValue(const std::vector<ContextSpan>& spans, std::int64_t n_max,
                              std::int64_t n_read) {
  ui::ContextValue value;
  value.n_max = n_max;
  value.n_read = n_read;
  for (const ContextSpan& span : spans) {
    value.n_used = std::max(value.n_used, span.tokens.end);
    const QString path = span.path.empty() ? QString("instructions") : shown(span.path);
    value.segments.push_back({.path = path, .kind = segmentKind(span), .tokens = span.tokens});
  }
  return value;
}

ui::EngineValue engineValue(const EngineInfo& info, ui::EngineState state) {
  ui::EngineValue value;
  value.state = state;
  value.model = modelWords(info.model_name);
  value.device = QString("%1 CPU cores").arg(info.n_threads);
  value.n_context_max = info.context_max;
  return value;
}

std::vector<ui::MessageValue> messageValues(const std::vector<storage::Message>& messages,
                                            const QString& model) {
  std::vector<ui::MessageValue> values;
  for (const storage::Message& message : messages) {
    if (message.role == storage::MessageRole::kUser) {
      ui::MessageValue value;
      value.question_id = message.id;
      value.question = message.text;
      value.asked_at = timeOf(message.created_ms);
      value.model = model;
      values.push_back(std::move(value));
    } else if (message.role == storage::MessageRole::kAssistant && !values.empty()) {
      ui::MessageValue& value = values.back();
      value.id = message.id;
      value.answer = message.text;
      value.thinking = message.thinking;
      value.citations = message.citations;
      value.usage = message.usage;
      if (message.status == storage::MessageStatus::kComplete) value.finish = message.finish;
      if (message.status == storage::MessageStatus::kStopped)
        value.finish = base::FinishReason::kStopped;
    }
  }
  return values;
}

ui::MessageValue messageValue(const std::string& question, const Answer& answer,
                              const QString& model) {
  ui::MessageValue value;
  value.id = answer.message;
  value.question = question;
  value.asked_at = QDateTime::currentDateTime();
  value.thinking = answer.reasoning;
  value.answer = answer.text;
  value.citations = answer.citations;
  value.finish = answer.finish;
  value.usage = answer.usage;
  value.model = model;
  return value;
}

ui::PdfPage pdfPage(const QString& path, const ingest::PageImage& image,
                    std::vector<base::Box> boxes) {
  ui::PdfPage page;
  page.path = path;
  page.page = image.page;
  page.n_pages = image.n_pages;
  page.label = shown(image.label);
  page.width_pt = image.width_pt;
  page.height_pt = image.height_pt;
  page.scale = image.scale;
  page.boxes = std::move(boxes);
  // The pixels belong to `image`: the copy is what the window keeps.
  page.image = QImage(image.rgb.data(), image.width_px, image.height_px, image.width_px * 3,
                      QImage::Format_RGB888).copy();
  return page;
}

}  // namespace app
