#include "ui/composer.h"

#include <algorithm>

#include <QAbstractTextDocumentLayout>
#include <QCheckBox>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPainter>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextDocument>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/icon.h"
#include "ui/label.h"

namespace ui {
namespace {

constexpr int kMaxLines = 10;
constexpr int kRoomyWidth = 470;   // design pixels

QToolButton* makeSwitch(const char* name, const char* icon_name, const QString& words,
                        QWidget* parent) {
  auto* button = new QToolButton(parent);
  button->setObjectName(QLatin1String(name));
  button->setText(words);
  button->setAccessibleName(words);
  button->setIcon(icon(QLatin1String(icon_name)));
  button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  button->setCheckable(true);
  button->setProperty("switch", true);
  return button;
}

}  // namespace

Composer::Composer(QWidget* parent)
    : QFrame(parent),
      edit_(new QPlainTextEdit(this)),
      ask_(makeSwitch("modeAsk", "ask", tr("Ask"), this)),
      agent_(makeSwitch("modeAgent", "agent", tr("Agent"), this)),
      sources_only_(new QCheckBox(tr("Sources only"), this)),
      send_(makeButton(ButtonKind::kPrimary, QStringLiteral("send"), tr("Send"), this)),
      stop_(makeButton(ButtonKind::kPrimary, QStringLiteral("stop"), tr("Stop"), this)),
      keys_(makeLabel(FontRole::kSmall, Token::kText2, this, tr("Shift+Enter: new line"))),
      hint_(makeLabel(FontRole::kSmall, Token::kText2, this)) {
  setObjectName(QStringLiteral("composer"));
  edit_->setObjectName(QStringLiteral("composerEdit"));
  edit_->setAccessibleName(tr("Question"));
  edit_->setPlaceholderText(tr("Ask about what was read"));
  edit_->setFrameShape(QFrame::NoFrame);
  edit_->setTabChangesFocus(true);
  edit_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  edit_->document()->setDocumentMargin(2);
  edit_->installEventFilter(this);
  ask_->setChecked(true);
  ask_->setToolTip(tr("Questions are answered with quotes"));
  connect(ask_, &QToolButton::clicked, this, [this] { ask_->setChecked(true); });
  agent_->setEnabled(false);
  agent_->setToolTip(tr("The agent comes later"));
  sources_only_->setObjectName(QStringLiteral("sourcesOnly"));
  sources_only_->setChecked(true);
  sources_only_->setAccessibleName(sources_only_->text());
  sources_only_->setToolTip(tr("Answer with quotes from the sources, or say that they do not say"));
  send_->setObjectName(QStringLiteral("sendButton"));
  stop_->setObjectName(QStringLiteral("stopButton"));
  stop_->setToolTip(tr("Esc. What was answered so far stays."));
  hint_->setObjectName(QStringLiteral("composerHint"));

  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(4);
  buttons->addWidget(ask_);
  buttons->addWidget(agent_);
  buttons->addSpacing(6);
  buttons->addWidget(makeLine(Qt::Vertical, this));
  buttons->addSpacing(6);
  buttons->addWidget(sources_only_);
  buttons->addStretch();
  buttons->addWidget(send_);
  buttons->addWidget(stop_);
  auto* box = new QVBoxLayout;
  box->setContentsMargins(12, 10, 8, 8);
  box->setSpacing(6);
  box->addWidget(edit_);
  box->addLayout(buttons);
  auto* foot = new QHBoxLayout;
  foot->setContentsMargins(4, 0, 4, 0);
  foot->addWidget(keys_);
  foot->addStretch();
  foot->addWidget(hint_);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(24, 14, 24, 10);
  layout->setSpacing(4);
  layout->addLayout(box);
  layout->addLayout(foot);

  connect(send_, &QPushButton::clicked, this, &Composer::send);
  connect(stop_, &QPushButton::clicked, this, &Composer::stopRequested);
  connect(edit_->document()->documentLayout(),
          &QAbstractTextDocumentLayout::documentSizeChanged, this, &Composer::fitHeight);
  connect(edit_, &QPlainTextEdit::textChanged, this, &Composer::updateButtons);
  const auto dress = [this] {
    edit_->setFont(theme().font(FontRole::kReading));
    fitHeight();
    update();
  };
  connect(&theme(), &Theme::changed, this, dress);
  dress();
  updateButtons();
}

void Composer::fitHeight() {
  const QFontMetrics metrics(edit_->font());
  const int n_lines =
      std::clamp(static_cast<int>(edit_->document()->size().height()), 1, kMaxLines);
  edit_->setFixedHeight(n_lines * metrics.lineSpacing() + 8);
}

void Composer::setBusy(bool busy) {
  busy_ = busy;
  stop_->setText(tr("Stop"));
  updateButtons();
}

void Composer::setStopping() {
  stop_->setText(tr("Stopping"));
  stop_->setEnabled(false);
}

void Composer::setBlocked(const QString& reason) {
  blocked_ = reason;
  updateButtons();
}

void Composer::updateButtons() {
  send_->setVisible(!busy_);
  stop_->setVisible(busy_);
  stop_->setEnabled(busy_);
  const bool empty = text().isEmpty();
  if (empty && instead_) {
    instead_ = false;
    showHint();
  }
  send_->setEnabled(!busy_ && !empty && blocked_.isEmpty());
  send_->setToolTip(!blocked_.isEmpty() ? blocked_ : empty ? tr("Write a question") : QString());
}

void Composer::setHint(const QString& words) {
  hint_words_ = words;
  showHint();
}

void Composer::showHint() {
  hint_->setText(instead_ ? tr("Goes on a new branch; the old question stays") : hint_words_);
}

void Composer::recall() {
  setText(last_question_);
  instead_ = true;
  showHint();
}

void Composer::focusEdit() { edit_->setFocus(Qt::ShortcutFocusReason); }

QString Composer::text() const { return edit_->toPlainText().trimmed(); }

void Composer::setText(const QString& text) {
  edit_->setPlainText(text);
  edit_->moveCursor(QTextCursor::End);
}

void Composer::clear() { edit_->clear(); }

void Composer::send() {
  if (busy_ || text().isEmpty() || !blocked_.isEmpty()) return;
  if (instead_) emit sendInsteadRequested(text(), sources_only_->isChecked());
  else emit sendRequested(text(), sources_only_->isChecked());
}

bool Composer::eventFilter(QObject* watched, QEvent* event) {
  if (watched != edit_) return QFrame::eventFilter(watched, event);
  if (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut) update();
  if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
  if (enter && !(key->modifiers() & (Qt::ShiftModifier | Qt::ControlModifier))) {
    send();
    return true;
  }
  if (key->key() == Qt::Key_Up && edit_->document()->isEmpty() && !last_question_.isEmpty()) {
    recall();
    return true;
  }
  return QFrame::eventFilter(watched, event);
}

// A narrow column keeps what is needed to ask.
void Composer::resizeEvent(QResizeEvent*) {
  const bool roomy = width() / theme().textScale() >= kRoomyWidth;
  keys_->setVisible(roomy);
  agent_->setVisible(roomy);
}

void Composer::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), color(Token::kSurface));
  painter.fillRect(QRect(0, 0, width(), 1), color(Token::kLine));
  painter.setRenderHint(QPainter::Antialiasing);
  const bool focused = edit_->hasFocus();
  painter.setPen(QPen(color(focused ? Token::kAccent : Token::kControl), focused ? 2 : 1));
  painter.setBrush(color(Token::kSurface));
  const int top = contentsMargins().top() + 14;
  const QRectF box(25, top, width() - 50,
                   send_->isVisible() ? send_->geometry().bottom() - top + 9
                                      : stop_->geometry().bottom() - top + 9);
  painter.drawRoundedRect(box, 8, 8);
}

}  // namespace ui
