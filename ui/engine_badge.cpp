#include "ui/engine_badge.h"

#include <QCoreApplication>
#include <QPainter>

#include "ui/icon.h"
#include "ui/theme.h"
#include "ui/words.h"

namespace ui {
namespace {

Token stateInk(EngineState state) {
  switch (state) {
    case EngineState::kReady: return Token::kOk;
    case EngineState::kLoading:
    case EngineState::kReading:
    case EngineState::kAnswering: return Token::kAccent;
    case EngineState::kPaused:
    case EngineState::kRestarting: return Token::kWarn;
    case EngineState::kStopped: return Token::kDanger;
    case EngineState::kNoModel: return Token::kText2;
  }
  return Token::kText2;
}

void paintPill(QPainter& painter, const QRect& rect) {
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(Token::kSunken));
  painter.drawRoundedRect(rect, rect.height() / 2.0, rect.height() / 2.0);
}

int pillHeight() { return theme().px(21); }

}  // namespace

QString engineStateWord(EngineState state) {
  const auto tr = [](const char* text) { return QCoreApplication::translate("EngineBadge", text); };
  switch (state) {
    case EngineState::kNoModel: return tr("No model");
    case EngineState::kLoading: return tr("Loading");
    case EngineState::kReady: return tr("Ready");
    case EngineState::kReading: return tr("Reading");
    case EngineState::kAnswering: return tr("Answering");
    case EngineState::kPaused: return tr("Paused");
    case EngineState::kRestarting: return tr("Restarting");
    case EngineState::kStopped: return tr("Stopped");
  }
  return {};
}

EngineBadge::EngineBadge(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("engineBadge"));
  connect(&theme(), &Theme::changed, this, qOverload<>(&QWidget::update));
  setValue({});
}

void EngineBadge::setValue(const EngineValue& value) {
  value_ = value;
  const QString words = name().isEmpty() ? word() : tr("%1, %2").arg(name(), word());
  setAccessibleName(tr("Engine: %1").arg(words));
  setToolTip(tooltipText(words));
  updateGeometry();
  update();
}

QString EngineBadge::name() const {
  if (value_.device.isEmpty()) return visibleText(value_.model);
  return tr("%1 on %2", "model, device").arg(visibleText(value_.model), value_.device);
}

QString EngineBadge::word() const {
  if (value_.state != EngineState::kLoading) return engineStateWord(value_.state);
  return tr("Loading %1 %").arg(static_cast<int>(value_.fraction * 100));
}

QSize EngineBadge::sizeHint() const {
  const QFontMetrics plain(theme().font(FontRole::kSmall));
  const QFontMetrics strong(theme().font(FontRole::kSmallStrong));
  const QString text = name();
  const int gap = text.isEmpty() ? 0 : 7;
  return {20 + plain.horizontalAdvance(text) + gap + strong.horizontalAdvance(word()) + 10,
          pillHeight() + 8};
}

void EngineBadge::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const QRect pill(0, (height() - pillHeight()) / 2, width(), pillHeight());
  paintPill(painter, pill);
  const QColor ink = color(stateInk(value_.state));
  painter.setBrush(ink);
  painter.drawEllipse(QPointF(11, pill.center().y() + 0.5), 3.5, 3.5);
  int x = 20;
  const QString text = name();
  if (!text.isEmpty()) {
    painter.setFont(theme().font(FontRole::kSmall));
    painter.setPen(color(Token::kText2));
    painter.drawText(QRect(x, pill.y(), width(), pill.height()), Qt::AlignVCenter, text);
    x += painter.fontMetrics().horizontalAdvance(text) + 7;
  }
  painter.setFont(theme().font(FontRole::kSmallStrong));
  painter.setPen(ink);
  painter.drawText(QRect(x, pill.y(), width(), pill.height()), Qt::AlignVCenter, word());
}

NetworkBadge::NetworkBadge(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("networkBadge"));
  connect(&theme(), &Theme::changed, this, qOverload<>(&QWidget::update));
  setLocalServer({});
}

void NetworkBadge::setLocalServer(const QString& address) {
  address_ = address;
  setAccessibleName(words());
  setToolTip(address.isEmpty() ? tr("Lectern opens no network connection unless you ask for one.")
                               : tr("Other programs on this machine can ask."));
  updateGeometry();
  update();
}

QString NetworkBadge::words() const {
  return address_.isEmpty() ? tr("Offline") : tr("Local server %1").arg(address_);
}

QSize NetworkBadge::sizeHint() const {
  const QFontMetrics metrics(theme().font(FontRole::kSmallStrong));
  return {26 + metrics.horizontalAdvance(words()) + 10, pillHeight() + 8};
}

void NetworkBadge::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const QRect pill(0, (height() - pillHeight()) / 2, width(), pillHeight());
  paintPill(painter, pill);
  const QColor ink = color(address_.isEmpty() ? Token::kText2 : Token::kWarn);
  paintIcon(painter, QRectF(8, pill.center().y() - 6, 13, 13),
            address_.isEmpty() ? QStringLiteral("lock") : QStringLiteral("export"), ink);
  painter.setFont(theme().font(FontRole::kSmallStrong));
  painter.setPen(ink);
  painter.drawText(QRect(26, pill.y(), width(), pill.height()), Qt::AlignVCenter, words());
}

}  // namespace ui
