#include "ui/transcript_view.h"

#include <algorithm>

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>
#include <QScrollBar>

#include "ui/label.h"
#include "ui/transcript_accessible.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kMargin = 24, kTop = 16;
constexpr int kFrameMs = 16;
constexpr double kPrefillShownAfter_s = 0.3;

}  // namespace

TranscriptView::TranscriptView(QWidget* parent)
    : QAbstractScrollArea(parent),
      new_text_(makeButton(ButtonKind::kPlain, QStringLiteral("down"), tr("New text below"),
                           this)) {
  setObjectName(QStringLiteral("transcript"));
  setAccessibleName(tr("Conversation"));
  setFrameShape(QFrame::NoFrame);
  setFocusPolicy(Qt::StrongFocus);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  viewport()->setMouseTracking(true);
  new_text_->setObjectName(QStringLiteral("newTextButton"));
  new_text_->hide();
  installTranscriptAccessibility();
  connect(new_text_, &QPushButton::clicked, this, [this] {
    follows_ = true;
    scrollToEnd();
  });
  frame_.setSingleShot(true);
  frame_.setInterval(kFrameMs);
  connect(&frame_, &QTimer::timeout, this, &TranscriptView::refreshOpen);
  connect(verticalScrollBar(), &QScrollBar::valueChanged, this, [this](int value) {
    if (laying_out_) return;
    follows_ = value >= verticalScrollBar()->maximum() - 4;
    if (follows_) new_text_->hide();
  });
  connect(&theme(), &Theme::changed, this, [this] {
    for (const auto& turn : turns_) turn->dropLayout();
    layOutVisible();
    viewport()->update();
  });
}

TranscriptView::~TranscriptView() = default;

void TranscriptView::setMessages(const std::vector<MessageValue>& messages) {
  frame_.stop();
  turns_.clear();
  for (const MessageValue& message : messages)
    turns_.push_back(std::make_unique<TranscriptTurn>(message));
  current_turn_ = messageCount() - 1;
  current_quote_ = -1;
  follows_ = true;
  layOutVisible();
  scrollToEnd();
  emit quotesChanged();
}

void TranscriptView::begin(const QString& question, const QString& model) {
  if (isOpen()) abandon();
  MessageValue message;
  message.question = question.toStdString();
  message.asked_at = QDateTime::currentDateTime();
  message.model = model;
  turns_.push_back(std::make_unique<TranscriptTurn>(std::move(message), true));
  current_turn_ = messageCount() - 1;
  current_quote_ = -1;
  follows_ = true;
  layOutVisible();
  scrollToEnd();
  announce(tr("Question sent"));
  emit quotesChanged();
}

void TranscriptView::takeBackTurn() {
  if (turns_.empty() || isOpen()) return;
  turns_.pop_back();
  current_turn_ = messageCount() - 1;
  current_quote_ = -1;
  layOutVisible();
  emit quotesChanged();
}

void TranscriptView::showMessage(base::MessageId message) {
  for (int i = 0; i < messageCount(); ++i) {
    if (turn(i).message().id != message && turn(i).message().question_id != message) continue;
    current_turn_ = i;
    current_quote_ = -1;
    follows_ = false;
    verticalScrollBar()->setValue(static_cast<int>(topOf(i)));
    layOutVisible();
    // What was laid out meanwhile may have moved the turn.
    verticalScrollBar()->setValue(static_cast<int>(topOf(i)));
    emit quotesChanged();
    return;
  }
}

bool TranscriptView::isOpen() const { return !turns_.empty() && turns_.back()->isOpen(); }

int TranscriptView::laidOutTurns() const {
  return static_cast<int>(std::count_if(turns_.begin(), turns_.end(),
                                        [](const auto& turn) { return turn->isLaidOut(); }));
}

void TranscriptView::setPrefill(const base::Progress& progress) {
  // A short wait is not worth a bar.
  if (!isOpen() || progress.elapsed_s < kPrefillShownAfter_s) return;
  turns_.back()->setPrefill(progress);
  if (!frame_.isActive()) frame_.start();
}

void TranscriptView::append(const base::AnswerDelta& delta) {
  if (!isOpen()) return;
  turns_.back()->append(delta);
  if (!frame_.isActive()) frame_.start();
}

void TranscriptView::addCitation(const base::Citation& citation) {
  if (!isOpen()) return;
  turns_.back()->addCitation(citation);
  refreshOpen();
  emit quotesChanged();
}

void TranscriptView::finish(const MessageValue& message) {
  if (!isOpen()) return;
  frame_.stop();
  turns_.back()->close(message);
  current_turn_ = messageCount() - 1;
  layOutVisible();
  if (follows_) scrollToEnd();
  viewport()->update();
  announce(turns_.back()->spokenAnswer());
  emit quotesChanged();
}

void TranscriptView::abandon() {
  if (!isOpen()) return;
  frame_.stop();
  turns_.back()->abandon();
  layOutVisible();
  if (follows_) scrollToEnd();
  viewport()->update();
  emit quotesChanged();
}

void TranscriptView::refreshOpen() {
  if (!isOpen()) return;
  turns_.back()->update();
  layOutVisible();
  if (follows_) scrollToEnd();
  else new_text_->show();
  viewport()->update();
}

qreal TranscriptView::columnWidth() const {
  const qreal room = viewport()->width() - 2 * kMargin;
  return std::clamp<qreal>(room, 120, theme().px(660));
}

qreal TranscriptView::columnLeft() const {
  return std::max<qreal>(kMargin, (viewport()->width() - columnWidth()) / 2);
}

qreal TranscriptView::topOf(int index) const {
  qreal y = kTop;
  for (int i = 0; i < index; ++i) y += turn(i).height(columnWidth());
  return y;
}

QRect TranscriptView::turnRect(int index) const {
  const qreal y = topOf(index) - verticalScrollBar()->value();
  return QRectF(columnLeft(), y, columnWidth(), turn(index).height(columnWidth())).toRect();
}

void TranscriptView::layOutVisible() {
  if (laying_out_) return;
  laying_out_ = true;
  const qreal page = viewport()->height(), width = columnWidth();
  const int scroll = verticalScrollBar()->value();
  // The anchor: the first turn that reaches into the viewport.
  qreal y = kTop;
  int anchor = 0;
  while (anchor < messageCount() && y + turn(anchor).height(width) <= scroll)
    y += turn(anchor++).height(width);
  const qreal anchor_y = y;
  y = kTop;
  for (const auto& turn : turns_) {
    const qreal height = turn->height(width);
    const bool near = y + height > scroll - page && y < scroll + 2 * page;
    // While the end is followed, the end is what will be seen.
    const bool at_end = follows_ && turn == turns_.back();
    if (near || at_end) turn->layOut(width);
    else turn->dropLayout();
    y += turn->height(width);
  }
  updateScrollBar();
  if (!follows_ && anchor < messageCount())
    verticalScrollBar()->setValue(scroll + static_cast<int>(topOf(anchor) - anchor_y));
  laying_out_ = false;
}

void TranscriptView::updateScrollBar() {
  const int height = static_cast<int>(topOf(messageCount()));
  verticalScrollBar()->setPageStep(viewport()->height());
  verticalScrollBar()->setSingleStep(theme().lineHeight(FontRole::kReading) * 2);
  verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
}

void TranscriptView::scrollToEnd() {
  new_text_->hide();
  laying_out_ = true;
  verticalScrollBar()->setValue(verticalScrollBar()->maximum());
  laying_out_ = false;
  layOutVisible();
  laying_out_ = true;
  verticalScrollBar()->setValue(verticalScrollBar()->maximum());
  laying_out_ = false;
}

void TranscriptView::scrollContentsBy(int, int) {
  layOutVisible();
  viewport()->update();
}

void TranscriptView::resizeEvent(QResizeEvent*) {
  layOutVisible();
  if (follows_) scrollToEnd();
  new_text_->adjustSize();
  new_text_->move((width() - new_text_->width()) / 2, height() - new_text_->height() - 12);
}

void TranscriptView::paintEvent(QPaintEvent*) {
  QPainter painter(viewport());
  painter.fillRect(viewport()->rect(), color(Token::kSurface));
  const qreal width = columnWidth();
  qreal y = kTop - verticalScrollBar()->value();
  for (int i = 0; i < messageCount(); ++i) {
    const TranscriptTurn& each = turn(i);
    const qreal height = each.height(width);
    if (y + height > 0 && y < viewport()->height() && each.isLaidOut())
      each.paint(painter, QPointF(columnLeft(), y), i == current_turn_ ? current_quote_ : -1);
    y += height;
  }
  if (!hasFocus()) return;
  painter.setPen(QPen(color(Token::kAccent), 2));
  painter.setBrush(Qt::NoBrush);
  painter.drawRect(viewport()->rect().adjusted(1, 1, -1, -1));
}

TranscriptView::Place TranscriptView::placeAt(const QPoint& point) const {
  const qreal width = columnWidth();
  qreal y = kTop - verticalScrollBar()->value();
  for (int i = 0; i < messageCount(); ++i) {
    const qreal height = turn(i).height(width);
    if (point.y() >= y && point.y() < y + height)
      return {i, turn(i).hitAt(QPointF(point) - QPointF(columnLeft(), y))};
    y += height;
  }
  return {};
}

void TranscriptView::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return;
  const Place place = placeAt(event->pos());
  if (place.turn < 0) return;
  switch (place.hit.kind) {
    case TurnHit::Kind::kQuote: activate(place.turn, place.hit.quote); break;
    case TurnHit::Kind::kThinking:
      current_turn_ = place.turn;
      toggleThinking();
      break;
    case TurnHit::Kind::kCopyAnswer:
      current_turn_ = place.turn;
      copyAnswer();
      break;
    case TurnHit::Kind::kBranch:
      current_turn_ = place.turn;
      emit branchRequested(place.turn);
      break;
    case TurnHit::Kind::kCopyQuote:
      selectQuote(place.turn, place.hit.quote);
      copyQuote();
      break;
    case TurnHit::Kind::kNone: break;
  }
}

void TranscriptView::mouseMoveEvent(QMouseEvent* event) {
  const Place place = placeAt(event->pos());
  viewport()->setCursor(place.hit.kind == TurnHit::Kind::kNone ? Qt::ArrowCursor
                                                               : Qt::PointingHandCursor);
  if (place.hit.kind != TurnHit::Kind::kQuote) {
    viewport()->setToolTip(place.hit.kind == TurnHit::Kind::kBranch
                               ? tr("Branch here: go on from this answer, the rest stays")
                               : QString());
    return;
  }
  const Quote& quote = turn(place.turn).quotes()[static_cast<size_t>(place.hit.quote)];
  viewport()->setToolTip(tooltipText(spokenEvidence(quote.state, quote.citation)));
}

void TranscriptView::keyPressEvent(QKeyEvent* event) {
  switch (event->key()) {
    case Qt::Key_Right: stepQuote(1); return;
    case Qt::Key_Left: stepQuote(-1); return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (current_turn_ >= 0 && current_quote_ >= 0) activate(current_turn_, current_quote_);
      return;
    case Qt::Key_Home:
      verticalScrollBar()->triggerAction(QAbstractSlider::SliderToMinimum);
      return;
    case Qt::Key_End:
      verticalScrollBar()->triggerAction(QAbstractSlider::SliderToMaximum);
      return;
    default: break;
  }
  if (event->matches(QKeySequence::Copy)) {
    if (current_quote_ >= 0) copyQuote();
    else copyAnswer();
    return;
  }
  QAbstractScrollArea::keyPressEvent(event);
}

void TranscriptView::contextMenuEvent(QContextMenuEvent* event) {
  if (current_turn_ < 0) return;
  auto* menu = new QMenu(this);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  menu->addAction(tr("Copy answer"), this, &TranscriptView::copyAnswer);
  if (!isOpen())
    menu->addAction(tr("Branch here"), this,
                    [this, index = current_turn_] { emit branchRequested(index); });
  if (current_quote_ >= 0)
    menu->addAction(tr("Copy quote with its place"), this, &TranscriptView::copyQuote);
  if (!turn(current_turn_).message().thinking.empty())
    menu->addAction(tr("Fold or unfold thinking"), this, &TranscriptView::toggleThinking);
  menu->popup(event->globalPos());
}

void TranscriptView::focusInEvent(QFocusEvent*) { viewport()->update(); }
void TranscriptView::focusOutEvent(QFocusEvent*) { viewport()->update(); }

void TranscriptView::selectQuote(int index, int quote) {
  if (index < 0 || index >= messageCount()) return;
  const bool other = index != current_turn_;
  current_turn_ = index;
  current_quote_ = quote;
  if (other) emit quotesChanged();
  const QRect rect = quoteAt(quote);
  if (!rect.isEmpty()) scrollToRect(rect);
  viewport()->update();
}

QRect TranscriptView::quoteAt(int quote) {
  if (current_turn_ < 0 || quote < 0) return {};
  turns_[static_cast<size_t>(current_turn_)]->layOut(columnWidth());
  const QRectF rect = turn(current_turn_).quoteRect(quote);
  if (rect.isEmpty()) return {};
  return rect.translated(columnLeft(), topOf(current_turn_) - verticalScrollBar()->value())
      .toRect();
}

void TranscriptView::scrollToRect(const QRectF& rect) {
  if (rect.top() < 0)
    verticalScrollBar()->setValue(verticalScrollBar()->value() +
                                  static_cast<int>(rect.top()) - kTop);
  else if (rect.bottom() > viewport()->height())
    verticalScrollBar()->setValue(verticalScrollBar()->value() +
                                  static_cast<int>(rect.bottom()) - viewport()->height() + kTop);
}

void TranscriptView::stepQuote(int step) {
  int index = current_turn_;
  while (index >= 0 && turn(index).quotes().empty()) --index;
  if (index < 0) {
    announce(tr("There are no quotes yet"));
    return;
  }
  const int n_quotes = static_cast<int>(turn(index).quotes().size());
  const int from = current_quote_ < 0 || index != current_turn_ ? (step > 0 ? -1 : 0)
                                                                : current_quote_;
  const int next = from + step;
  if (next < 0 || next >= n_quotes) announce(tr("Starting over with the quotes of this answer"));
  activate(index, (next + n_quotes) % n_quotes);
}

void TranscriptView::activate(int index, int quote) {
  selectQuote(index, quote);
  const Quote& found = turn(index).quotes()[static_cast<size_t>(quote)];
  announce(spokenEvidence(found.state, found.citation));
  emit quoteActivated(index, quote);
}

void TranscriptView::toggleThinking() {
  if (current_turn_ < 0) return;
  TranscriptTurn& each = *turns_[static_cast<size_t>(current_turn_)];
  if (each.message().thinking.empty()) return;
  each.setThinkingFolded(!each.thinkingFolded());
  layOutVisible();
  viewport()->update();
}

void TranscriptView::copyAnswer() {
  if (current_turn_ < 0) return;
  QApplication::clipboard()->setText(
      QString::fromStdString(turn(current_turn_).message().answer));
}

void TranscriptView::copyQuote() {
  if (current_turn_ < 0 || current_quote_ < 0) return;
  const Quote& quote = turn(current_turn_).quotes()[static_cast<size_t>(current_quote_)];
  QString text = QString::fromStdString(quote.text);
  text += QLatin1Char('\n');
  text += quote.citation && !quote.citation->path.empty()
              ? placeWords(*quote.citation, PathForm::kWhole)
              : evidenceLook(quote.state).word;
  QApplication::clipboard()->setText(text);
}

QString TranscriptView::lastQuestion() const {
  return turns_.empty() ? QString() : QString::fromStdString(turns_.back()->message().question);
}

void TranscriptView::announce(const QString& words) {
  setAccessibleDescription(words);
  QAccessibleEvent event(this, QAccessible::DescriptionChanged);
  QAccessible::updateAccessibility(&event);
}

}  // namespace ui
