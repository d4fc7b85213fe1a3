// transcript_view.h: the conversation: questions, answers, quotes; painted, not marked up.
//
// Quotes are reached by mouse, by F8, by the arrow keys and by assistive technology. The view
// follows the end of a growing answer only while it stands at the end.
#pragma once

#include <memory>
#include <vector>

#include <QAbstractScrollArea>
#include <QTimer>

#include "ui/transcript_turn.h"

class QPushButton;

namespace ui {

class TranscriptView : public QAbstractScrollArea {
  Q_OBJECT
  Q_PROPERTY(int messageCount READ messageCount)
  Q_PROPERTY(int laidOutBlocks READ laidOutTurns)
  Q_PROPERTY(bool followsEnd READ followsEnd)

 public:
  explicit TranscriptView(QWidget* parent = nullptr);
  ~TranscriptView() override;

  void setMessages(const std::vector<MessageValue>& messages);
  void begin(const QString& question, const QString& model);
  void setPrefill(const base::Progress& progress);
  void append(const base::AnswerDelta& delta);
  void addCitation(const base::Citation& citation);
  void finish(const MessageValue& message);
  void abandon();
  // The last turn leaves the view.
  void takeBackTurn();
  bool isOpen() const;

  int messageCount() const { return static_cast<int>(turns_.size()); }
  int laidOutTurns() const;
  bool followsEnd() const { return follows_; }
  const TranscriptTurn& turn(int index) const { return *turns_[static_cast<size_t>(index)]; }

  // The answer that F8, the evidence list and the strip talk about; -1 without one.
  int currentTurn() const { return current_turn_; }
  int currentQuote() const { return current_quote_; }
  // Selects a quote of the current answer and scrolls to it; -1 selects none.
  void selectQuote(int turn, int quote);
  // In pixels of the viewport; empty when it is not laid out.
  QRect quoteAt(int quote);
  QRect turnRect(int turn) const;
  // What a click on this point of the viewport would do.
  TurnHit::Kind hitAt(const QPoint& point) const { return placeAt(point).hit.kind; }
  QString lastQuestion() const;
  // Scrolls to the turn that holds this answer or question.
  void showMessage(base::MessageId message);

 public slots:
  void nextQuote() { stepQuote(1); }
  void previousQuote() { stepQuote(-1); }
  void toggleThinking();
  void copyAnswer();
  // The selected quote with its place.
  void copyQuote();

 signals:
  // The user wants to see this quote.
  void quoteActivated(int turn, int quote);
  // The conversation shall go on behind this turn, on a new branch.
  void branchRequested(int turn);
  // Another answer is in view, or its quotes changed.
  void quotesChanged();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void scrollContentsBy(int dx, int dy) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;

 private:
  struct Place {
    int turn = -1;
    TurnHit hit;
  };

  qreal columnWidth() const;
  qreal columnLeft() const;
  qreal topOf(int turn) const;
  Place placeAt(const QPoint& point) const;
  // Lays out what is near the viewport; the first visible turn stays where it is.
  void layOutVisible();
  void updateScrollBar();
  void refreshOpen();
  void scrollToEnd();
  void scrollToRect(const QRectF& rect);
  void stepQuote(int step);
  void activate(int turn, int quote);
  void announce(const QString& words);

  std::vector<std::unique_ptr<TranscriptTurn>> turns_;
  int current_turn_ = -1, current_quote_ = -1;
  bool follows_ = true;
  bool laying_out_ = false;
  QTimer frame_;          // one re-layout per frame while text arrives
  QPushButton* new_text_;
};

}  // namespace ui
