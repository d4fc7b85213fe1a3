#include "ui/icon.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <QFile>
#include <QIconEngine>
#include <QPainter>
#include <QPixmap>
#include <QSvgRenderer>

namespace ui {
namespace {

// Renderers by name and colour: a handful of tints of some fifty small files.
QSvgRenderer* renderer(const QString& name, const QColor& color) {
  static std::map<std::pair<QString, QRgb>, std::unique_ptr<QSvgRenderer>> renderers;
  auto& found = renderers[{name, color.rgb()}];
  if (!found) {
    QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
    QByteArray svg = file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    // The files are drawn in plain black, which is replaced by the tint.
    svg.replace(QByteArrayLiteral("#000000"), color.name(QColor::HexRgb).toLatin1());
    found = std::make_unique<QSvgRenderer>(svg);
  }
  return found.get();
}

class IconEngine : public QIconEngine {
 public:
  IconEngine(QString name, Token normal, Token on)
      : name_(std::move(name)), normal_(normal), on_(on) {}

  void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override {
    const QColor tint = color(mode == QIcon::Disabled ? Token::kControl
                              : state == QIcon::On    ? on_
                                                      : normal_);
    // A size wider than high asks for room between the picture and the words.
    const int side = std::min(rect.width(), rect.height());
    paintIcon(*painter, QRect(rect.topLeft(), QSize(side, side)), name_, tint);
  }

  QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
    QPixmap pixmap(size);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paint(&painter, QRect(QPoint(), size), mode, state);
    return pixmap;
  }

  QIconEngine* clone() const override { return new IconEngine(name_, normal_, on_); }

 private:
  QString name_;
  Token normal_, on_;
};

}  // namespace

QIcon icon(const QString& name, Token normal, Token on) {
  return QIcon(new IconEngine(name, normal, on));
}

QString iconOf(base::DocumentKind kind) {
  switch (kind) {
    case base::DocumentKind::kCode: return QStringLiteral("code");
    case base::DocumentKind::kPdf: return QStringLiteral("pdf");
    case base::DocumentKind::kText:
    case base::DocumentKind::kMarkdown: break;
  }
  return QStringLiteral("file");
}

void paintIcon(QPainter& painter, const QRectF& rect, const QString& name, const QColor& color) {
  const qreal opacity = painter.opacity();
  painter.setOpacity(opacity * color.alphaF());
  renderer(name, color)->render(&painter, rect);
  painter.setOpacity(opacity);
}

}  // namespace ui
