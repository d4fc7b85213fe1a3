// ask_page.h: sources, conversation, and the place of a quote side by side.
#pragma once

#include <QWidget>

#include "ui/error_text.h"
#include "ui/values.h"

class QLabel;
class QSplitter;

namespace ui {

class Composer;
class ErrorCard;
class EvidencePane;
class SourcesPane;
class TranscriptView;
class ViewerTabs;

class AskPage : public QWidget {
  Q_OBJECT

 public:
  explicit AskPage(QWidget* parent = nullptr);

  void showSession(const SessionValue& value);
  void setEngine(const EngineValue& value);

  void beginAnswer(const QString& question);
  void showPrefill(const base::Progress& progress);
  void showDelta(const base::AnswerDelta& delta);
  void showCitation(const base::Citation& citation);
  void finishAnswer(const MessageValue& message);
  void failAnswer(const ErrorValue& error);
  bool isAnswering() const;

  void showDocumentText(const DocumentText& document);
  void showPdfPage(const PdfPage& page);
  void showViewerError(const ErrorValue& error);
  void clearErrors();
  void setBranches(int n_branches);

  // Paths of the quotes of the answer in view, in answer order, and the selected one.
  QStringList quotePaths() const;
  int currentQuote() const;
  int changedFiles() const;

  TranscriptView& transcript() { return *transcript_; }
  Composer& composer() { return *composer_; }
  ViewerTabs& viewer() { return *viewer_; }
  ErrorCard* errorCard() { return error_; }

 public slots:
  void stop();
  void toggleSources();
  void toggleEvidence();
  void focusFilter();
  // Behind the answer in view.
  void branchHere();
  void nextPane() { stepPane(1); }
  void previousPane() { stepPane(-1); }

 signals:
  void askRequested(const QString& question, bool sources_only);
  void askInsteadRequested(const QString& question, bool sources_only);
  // A new branch behind the first `n_turns` turns.
  void branchRequested(int n_turns);
  void stopRequested();
  void citationActivated(const base::Citation& citation, int index);
  void documentRequested(const QString& path);
  void pdfPageRequested(const QString& path, int page, double scale);
  void addSourceRequested();
  void quotesChanged();
  // Of an error in the viewer.
  void errorActionChosen(ui::ErrorAction action, const ui::ErrorValue& error);

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  QWidget* buildConversation();
  QWidget* buildEvidence();
  void showQuote(int turn, int quote);
  void updateEvidence();
  void updateCount();
  void updateHint();
  void updateBlocked();
  void foldSources();
  void stepPane(int step);

  SourcesPane* sources_;
  TranscriptView* transcript_ = nullptr;
  Composer* composer_ = nullptr;
  ErrorCard* error_ = nullptr;
  QLabel* count_ = nullptr;
  ViewerTabs* viewer_ = nullptr;
  EvidencePane* evidence_ = nullptr;
  QSplitter* columns_;
  QString model_;
  EngineState engine_ = EngineState::kNoModel;
  std::int64_t n_context_ = 0;
  int n_branches_ = 1;
  bool sources_wanted_ = true;
};

}  // namespace ui
