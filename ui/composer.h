// composer.h: where a question is written; Enter sends, the same place stops.
#pragma once

#include <QFrame>

class QCheckBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QToolButton;

namespace ui {

class Composer : public QFrame {
  Q_OBJECT

 public:
  explicit Composer(QWidget* parent = nullptr);

  // Busy: Stop stands where Send was, and Enter keeps the draft.
  void setBusy(bool busy);
  bool isBusy() const { return busy_; }
  // After a click on Stop, until the answer is closed.
  void setStopping();
  // Why nothing can be asked; empty: it can.
  void setBlocked(const QString& reason);
  // The honest cost, e.g. "Reuses 4,012 tokens, reads only your question".
  void setHint(const QString& words);
  // What an empty composer recalls on Up.
  void setLastQuestion(const QString& question) { last_question_ = question; }

  void focusEdit();
  QString text() const;
  void setText(const QString& text);
  void clear();

 signals:
  void sendRequested(const QString& question, bool sources_only);
  // What was recalled with Up, edited: it takes the place of the last question.
  void sendInsteadRequested(const QString& question, bool sources_only);
  void stopRequested();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void send();
  void recall();
  void showHint();
  void fitHeight();
  void updateButtons();

  QPlainTextEdit* edit_;
  QToolButton* ask_;
  QToolButton* agent_;
  QCheckBox* sources_only_;
  QPushButton* send_;
  QPushButton* stop_;
  QLabel* keys_;
  QLabel* hint_;
  QString last_question_, blocked_, hint_words_;
  bool busy_ = false;
  bool instead_ = false;  // the last question was recalled and is edited
};

}  // namespace ui
