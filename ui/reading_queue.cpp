#include "ui/reading_queue.h"

#include <algorithm>

#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/budget_bar.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {
namespace {

// The rest is in the list of sessions.
constexpr size_t kShownMax = 5;

QString figureOf(const QueuedReading& reading) {
  if (reading.tokens_to_read <= 0) return ReadingQueue::tr("not read yet");
  const QString figure = ReadingQueue::tr("%1 of %2 tokens", "read, to read")
                             .arg(exactCount(reading.tokens_read),
                                  exactCount(reading.tokens_to_read));
  return reading.running ? ReadingQueue::tr("reading, %1").arg(figure)
                         : ReadingQueue::tr("%1 safe on disk").arg(figure);
}

}  // namespace

ReadingQueue::ReadingQueue(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("readingQueue"));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 26, 0, 0);
  layout->setSpacing(10);
  layout->addWidget(makeLabel(FontRole::kReadingStrong, Token::kText, this,
                              tr("Unfinished readings")));
  rows_ = new QVBoxLayout;
  rows_->setSpacing(8);
  layout->addLayout(rows_);
  hide();
}

void ReadingQueue::setReadings(const std::vector<QueuedReading>& readings) {
  const auto same = [](const QueuedReading& a, const QueuedReading& b) {
    return a.session == b.session && a.title == b.title && a.running == b.running &&
           a.erases == b.erases &&
           (a.running || (a.tokens_read == b.tokens_read && a.tokens_to_read == b.tokens_to_read));
  };
  // A button that is about to be pressed is not taken away for nothing.
  if (std::equal(readings.begin(), readings.end(), readings_.begin(), readings_.end(), same))
    return;
  readings_ = readings;
  bar_ = nullptr;
  figure_ = nullptr;
  while (QLayoutItem* item = rows_->takeAt(0)) {
    // A click on one of its buttons may be what led here.
    QWidget* row = item->widget();
    row->hide();
    row->setParent(nullptr);
    row->deleteLater();
    delete item;
  }
  for (size_t i = 0; i < std::min(readings.size(), kShownMax); ++i)
    rows_->addWidget(buildRow(readings[i], i == 0));
  if (readings.size() > kShownMax)
    rows_->addWidget(makeLabel(FontRole::kInterface, Token::kText2, this,
                               tr("%1 more are in the list of sessions.")
                                   .arg(readings.size() - kShownMax)));
  setVisible(!readings.empty());
}

QWidget* ReadingQueue::buildRow(const QueuedReading& reading, bool first) {
  auto* row = new QFrame(this);
  row->setProperty("outlined", true);
  row->setObjectName(QStringLiteral("queuedReading"));
  auto* title = new ElidedLabel(FontRole::kInterfaceStrong, Token::kText, Qt::ElideMiddle, row);
  title->setFullText(visibleText(reading.title));
  auto* figure = makeLabel(FontRole::kInterface, Token::kText2, row, figureOf(reading));
  figure->setObjectName(QStringLiteral("readingFigure"));
  auto* bar = new BudgetBar(row);
  bar->setValue(reading.tokens_read, reading.tokens_to_read, Token::kAccent);
  bar->setAccessibleName(tr("%1, %2", "session, how far").arg(title->fullText(), figure->text()));
  auto* buttons = new QWidget(row);
  auto* go = makeButton(first ? ButtonKind::kPrimary : ButtonKind::kPlain,
                        reading.running ? QStringLiteral("eye") : QStringLiteral("play"),
                        reading.running ? tr("Show") : tr("Go on"), buttons);
  go->setObjectName(QStringLiteral("goOnButton"));
  go->setAccessibleName(tr("%1: %2", "verb, session").arg(go->text(), title->fullText()));
  auto* button_layout = new QHBoxLayout(buttons);
  button_layout->setContentsMargins(0, 0, 0, 0);
  button_layout->setSpacing(8);
  button_layout->addWidget(go);
  if (reading.running) {
    bar_ = bar;
    figure_ = figure;
    connect(go, &QPushButton::clicked, this, &ReadingQueue::showRequested);
  } else {
    connect(go, &QPushButton::clicked, this,
            [this, id = reading.session] { emit goOnRequested(id); });
  }
  auto* words = new QVBoxLayout;
  words->setSpacing(6);
  auto* head = new QHBoxLayout;
  head->setSpacing(12);
  head->addWidget(title, 1);
  head->addWidget(figure);
  words->addLayout(head);
  words->addWidget(bar);
  auto* line = new QHBoxLayout;
  line->setSpacing(16);
  line->addLayout(words, 1);
  line->addWidget(buttons);
  auto* layout = new QVBoxLayout(row);
  layout->setContentsMargins(16, 10, 12, 10);
  layout->addLayout(line);
  if (!reading.running) layout->addWidget(buildQuestion(reading, row, buttons));
  return row;
}

// The button that asks, and the line that is asked.
QWidget* ReadingQueue::buildQuestion(const QueuedReading& reading, QWidget* row,
                                     QWidget* buttons) {
  auto* remove = makeButton(ButtonKind::kPlain, {}, tr("Remove"), buttons);
  remove->setObjectName(QStringLiteral("removeReadingButton"));
  remove->setAccessibleName(tr("Remove: %1").arg(visibleText(reading.title)));
  buttons->layout()->addWidget(remove);
  auto* question = new QWidget(row);
  auto* words = makeLabel(FontRole::kInterface, Token::kText, question,
                          reading.erases ? tr("What was read of it is erased. Your files stay.")
                                         : tr("It is not read on. The session and what was said "
                                              "in it stay."));
  words->setWordWrap(true);
  auto* erase = makeButton(ButtonKind::kPlain, {}, tr("Remove for good"), question);
  erase->setObjectName(QStringLiteral("removeReadingForGoodButton"));
  erase->setProperty("danger", true);
  auto* keep = makeButton(ButtonKind::kPlain, {}, tr("Keep"), question);
  auto* layout = new QHBoxLayout(question);
  layout->setContentsMargins(0, 4, 0, 0);
  layout->setSpacing(8);
  layout->addWidget(words, 1);
  layout->addWidget(erase);
  layout->addWidget(keep);
  question->hide();
  const auto ask = [remove, question, keep](bool on) {
    question->setVisible(on);
    remove->setEnabled(!on);
    if (on) keep->setFocus();
  };
  connect(remove, &QPushButton::clicked, question, [ask] { ask(true); });
  connect(keep, &QPushButton::clicked, question, [ask] { ask(false); });
  connect(erase, &QPushButton::clicked, this,
          [this, id = reading.session] { emit removeRequested(id); });
  return question;
}

void ReadingQueue::setProgress(std::int64_t n_read, std::int64_t n_to_read) {
  if (!bar_) return;
  for (QueuedReading& reading : readings_) {
    if (!reading.running) continue;
    reading.tokens_read = n_read;
    reading.tokens_to_read = n_to_read;
    figure_->setText(figureOf(reading));
  }
  bar_->setValue(n_read, n_to_read, Token::kAccent);
}

}  // namespace ui
