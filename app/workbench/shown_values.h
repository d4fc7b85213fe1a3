// shown_values.h: what the service knows, as the values the window shows.
#pragma once

#include <string>
#include <vector>

#include <QDateTime>

#include "app/reading_service.h"
#include "ingest/reader_client.h"
#include "storage/storage.h"
#include "ui/values.h"

namespace app {

// Tokens kept for instructions, questions and answers when a plan is made.
inline constexpr std::int64_t kReservedTokens = 4096;

ui::WelcomeValue welcomeValue(const Paths& paths);
ui::PlanValue planValue(const SourcePlan& plan, const QString& title);
// Before and while files are read; `plan` may be null while the documents are not known yet.
ui::ReadingValue readingValue(const QString& title, const SourcePlan& sources,
                              const IngestPlan* plan);
// Index into value.files of the file at token `position`, and how far into it; −1 before the first.
int fileAt(const ui::ReadingValue& value, std::int64_t position, double* fraction);
ui::ContextValue contextValue(const std::vector<ContextSpan>& spans, std::int64_t n_max,
                              std::int64_t n_read);
ui::EngineValue engineValue(const EngineInfo& info, ui::EngineState state);
// Questions with their answers, oldest first.
std::vector<ui::MessageValue> messageValues(const std::vector<storage::Message>& messages,
                                            const QString& model);
ui::MessageValue messageValue(const std::string& question, const Answer& answer,
                              const QString& model);
ui::PdfPage pdfPage(const QString& path, const ingest::PageImage& image,
                    std::vector<base::Box> boxes);

ui::ErrorValue errorValue(const base::Error& error, ui::ErrorPlace place, const QString& subject);

// "gateway", or "gateway 2" when that is taken.
std::string freeName(const std::vector<storage::Session>& sessions, const std::string& wanted);

QString shown(const std::string& text);
// A model's folder as people call it.
QString modelWords(const std::string& name);

}  // namespace app
