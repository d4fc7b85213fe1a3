// How a question is answered, and how its quotes are shown in their documents.
#include "app/workbench/shown_values.h"
#include "app/workbench/workbench.h"

namespace app {

using base::ErrorCode;
using ui::EngineState;
using ui::ErrorPlace;

namespace {

// Width of a page on screen before the user zooms.
constexpr double kPageScale = 1.6;

QString pageKey(const QString& path, int page) { return path + "\n" + QString::number(page); }

}  // namespace

// --- ask -----------------------------------------------------------------------------------------

void Workbench::ask(const QString& question) {
  if (!shown_) return;
  AskRequest request;
  request.session = shown_->session.name;
  request.question = question.toStdString();
  runQuestion(request);
}

// In place of the last question, which stays on its own branch.
void Workbench::askInstead(const QString& question) {
  if (!shown_) return;
  AskRequest request;
  request.session = shown_->session.name;
  request.question = question.toStdString();
  request.after_turn = -1;
  window_.takeBackTurn();
  runQuestion(request);
}

void Workbench::runQuestion(const AskRequest& request) {
  const QString question = shown(request.question);
  window_.clearErrors();
  window_.beginAnswer(question);
  setEngine(EngineState::kAnswering);
  service_.post([this, request, question, id = shown_->session.id](ReadingService& service,
                                                                   std::stop_token stop) {
    const auto answer = service.ask(request, answerEvents(question), stop);
    service_.inWindow([this, request, answer] { endAnswer(request, answer); });
    const auto spans = service.contextOf(id);
    if (!answer || !spans || spans->empty()) return;
    service_.inWindow([this, id, spans = *spans] {
      if (shows(id))
        window_.setContext(contextValue(spans, engine_.context_max, spans.back().tokens.end));
    });
  });
}

AskEvents Workbench::answerEvents(const QString& question) {
  AskEvents events;
  events.on_progress = [this](const base::Progress& progress) {
    service_.inWindow([this, progress] { window_.showAnswerPrefill(progress); });
    service_.serveLooks();
  };
  events.on_delta = [this](const base::AnswerDelta& delta) {
    service_.inWindow([this, delta] { window_.showAnswerDelta(delta); });
    service_.serveLooks();
  };
  events.on_citation = [this](const base::Citation& citation) {
    service_.inWindow([this, citation] { window_.showCitation(citation); });
  };
  events.on_restart = [this, question](const base::Error& error) {
    service_.inWindow([this, error, question] {
      window_.failAnswer(errorValue(error, ErrorPlace::kConversation, {}));
      setEngine(EngineState::kRestarting);
      window_.beginAnswer(question);
    });
  };
  return events;
}

void Workbench::endAnswer(const AskRequest& request, const base::Result<Answer>& answer) {
  setEngine(EngineState::kReady);
  const bool shown_now = shown_ && shown_->session.name == request.session;
  if (shown_now) showBranches(shown_->session.id);
  if (!answer) {
    // What was taken back comes back: nothing was asked in its place.
    if (request.after_turn && shown_now) refreshSession();
    // Another model's session: who has been told and asks again wants it read with this one.
    AskRequest retry = request;
    if (answer.error().code == ErrorCode::kMismatch) retry.other_model = OtherModel::kReadAgain;
    again_[ErrorPlace::kConversation] = [this, retry] {
      if (!shown_ || shown_->session.name != retry.session) return;
      if (retry.after_turn) window_.takeBackTurn();
      runQuestion(retry);
    };
    return window_.failAnswer(
        errorValue(answer.error(), ErrorPlace::kConversation, shown(request.session)));
  }
  engine_value_.answer_tok_s = answer->usage.decode_tok_s;
  window_.setEngine(engine_value_);
  window_.finishAnswer(messageValue(request.question, *answer, shown_ ? shown_->model : ""));
  window_.setSaved(QDateTime::currentDateTime());
}

// --- viewers -------------------------------------------------------------------------------------

void Workbench::showCitation(const base::Citation& citation) {
  const QString path = shown(citation.path);
  if (citation.page == 0) return showText(citation.document, path, {citation.bytes});
  boxes_[pageKey(path, citation.page)] = citation.boxes;
  showPage(path, citation.page, kPageScale);
}

void Workbench::showDocument(const QString& path) {
  if (!shown_) return;
  const auto known = shown_->documents.find(path);
  if (known == shown_->documents.end()) return;
  if (known->second.kind == base::DocumentKind::kPdf) return showPage(path, 1, kPageScale);
  showText(known->second.id, path, {});
}

void Workbench::showText(base::DocumentId id, const QString& path,
                         std::vector<base::ByteRange> marks) {
  if (!shown_) return;
  service_.look([this, session = shown_->session.id, id, path, marks](ReadingService& service) {
    const auto document = service.document(id);
    service_.inWindow([this, session, id, path, marks, document] {
      if (!shows(session)) return;
      if (!document)
        return fail(document.error(), ErrorPlace::kViewer, path,
                    [this, id, path, marks] { showText(id, path, marks); });
      window_.showDocumentText({.path = path,
                                .text = document->document.text,
                                .marks = marks,
                                .current = marks.empty() ? -1 : 0,
                                .version = "as read"});
    });
  });
}

void Workbench::showPage(const QString& path, int page, double scale) {
  findFile(path, [this, path, page, scale] {
    pages_.render({.path = path,
                   .file = shown_->documents[path].file,
                   .page = page,
                   .scale = scale,
                   .boxes = boxes_[pageKey(path, page)]},
                  [this, path, page, scale](const base::Result<ui::PdfPage>& drawn) {
                    if (drawn) return window_.showPdfPage(*drawn);
                    fail(drawn.error(), ErrorPlace::kViewer, path,
                         [this, path, page, scale] { showPage(path, page, scale); });
                  });
  });
}

// Calls `found` when the document's place on disk is known, unless another session is shown then.
void Workbench::findFile(const QString& path, const Again& found) {
  if (!shown_) return;
  const auto known = shown_->documents.find(path);
  if (known == shown_->documents.end()) return;
  if (!known->second.file.empty()) return found();
  service_.look([this, session = shown_->session.id, id = known->second.id, path,
                 found](ReadingService& service) {
    const auto file = service.fileOf(session, id);
    service_.inWindow([this, session, path, file, found] {
      if (!shows(session)) return;
      if (!file)
        return fail({ErrorCode::kNotFound, "the PDF is not where it was read",
                     "Put the file back; the quote itself is kept in the session."},
                    ErrorPlace::kViewer, path, [this, path, found] { findFile(path, found); });
      shown_->documents[path].file = *file;
      found();
    });
  });
}

}  // namespace app
