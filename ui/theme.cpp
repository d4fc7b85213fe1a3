#include "ui/theme.h"

#include <algorithm>
#include <cmath>

#include <QApplication>
#include <QFile>
#include <QFontDatabase>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPalette>
#include <QRegularExpression>
#include <QToolTip>

#include "engine/base/check.h"
#include "ui/check_style.h"

static void initResources() { Q_INIT_RESOURCE(resources); }

namespace ui {
namespace {

struct RoleShape {
  double size, line;
  QFont::Weight weight;
  bool mono;
};

RoleShape shapeOf(FontRole role) {
  switch (role) {
    case FontRole::kInterface: return {13, 18, QFont::Normal, false};
    case FontRole::kInterfaceStrong: return {13, 18, QFont::Medium, false};
    case FontRole::kReading: return {14, 22, QFont::Normal, false};
    case FontRole::kReadingStrong: return {14, 22, QFont::DemiBold, false};
    case FontRole::kSmall: return {12, 17, QFont::Normal, false};
    case FontRole::kSmallStrong: return {12, 17, QFont::Medium, false};
    case FontRole::kSmallest: return {11, 15, QFont::Medium, false};
    case FontRole::kTitle: return {20, 28, QFont::DemiBold, false};
    case FontRole::kDisplay: return {30, 40, QFont::DemiBold, false};
    case FontRole::kPaneHead: return {13, 18, QFont::DemiBold, false};
    case FontRole::kCode: return {12, 19, QFont::Normal, true};
  }
  return {13, 18, QFont::Normal, false};
}

QString familyOr(const QString& wanted, QFontDatabase::SystemFont fallback) {
  if (QFontDatabase::hasFamily(wanted)) return wanted;
  return QFontDatabase::systemFont(fallback).family();
}

}  // namespace

Theme& Theme::instance() {
  static Theme theme;
  return theme;
}

Theme::Theme() {
  initResources();
  sans_ = familyOr(QStringLiteral("Inter"), QFontDatabase::GeneralFont);
  mono_ = familyOr(QStringLiteral("Hack"), QFontDatabase::FixedFont);
  load();
  scheme_ = platformScheme();
  apply();
}

void Theme::load() {
  QFile file(QStringLiteral(":/theme/palette.json"));
  CHECK(file.open(QIODevice::ReadOnly));
  const QJsonObject root = QJsonDocument::fromJson(file.readAll()).object();
  for (const Scheme scheme : {Scheme::kLight, Scheme::kDark}) {
    const char* section = scheme == Scheme::kLight ? "light" : "dark";
    const QJsonObject tokens = root.value(QLatin1String(section)).toObject();
    auto& colors = colors_[static_cast<size_t>(scheme)];
#define X(id, name) \
  colors[static_cast<size_t>(Token::id)] = QColor(tokens.value(QLatin1String(#name)).toString());
    LECTERN_TOKENS(X)
#undef X
    for (const QColor& color : colors) CHECK(color.isValid());
  }
}

Scheme Theme::platformScheme() {
  const QPalette palette = QGuiApplication::palette();
  return palette.color(QPalette::Window).lightness() < 128 ? Scheme::kDark : Scheme::kLight;
}

void Theme::setScheme(Scheme scheme) {
  if (scheme == scheme_) return;
  scheme_ = scheme;
  apply();
  emit changed();
}

void Theme::setTextScale(double scale) {
  scale = std::clamp(scale, 0.8, 2.0);
  if (scale == text_scale_) return;
  text_scale_ = scale;
  apply();
  emit changed();
}

QColor Theme::color(Token token, Scheme scheme) const {
  return colors_[static_cast<size_t>(scheme)][static_cast<size_t>(token)];
}

QFont Theme::font(FontRole role) const {
  const RoleShape shape = shapeOf(role);
  QFont font(shape.mono ? mono_ : sans_);
  font.setPixelSize(px(shape.size));
  font.setWeight(shape.weight);
  font.setHintingPreference(QFont::PreferNoHinting);
  if (shape.mono) font.setStyleHint(QFont::Monospace);
  return font;
}

int Theme::lineHeight(FontRole role) const { return px(shapeOf(role).line); }

int Theme::px(double design_px) const {
  return static_cast<int>(std::lround(design_px * text_scale_));
}

// The sheet names tokens as @token and text sizes as @em(13).
QString Theme::styleSheet() const {
  QFile file(QStringLiteral(":/theme/lectern.qss"));
  CHECK(file.open(QIODevice::ReadOnly));
  QString sheet = QString::fromUtf8(file.readAll());
  static const QRegularExpression em(QStringLiteral("@em\\((\\d+)\\)"));
  for (auto match = em.match(sheet); match.hasMatch(); match = em.match(sheet)) {
    const int size = px(match.captured(1).toInt());
    sheet.replace(match.capturedStart(), match.capturedLength(),
                  QStringLiteral("%1px").arg(size));
  }
  // Longest names first, so that @text does not eat the beginning of @text2.
  QList<std::pair<QString, Token>> names;
#define X(id, name) names.append({QStringLiteral("@" #name), Token::id});
  LECTERN_TOKENS(X)
#undef X
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    return a.first.size() > b.first.size();
  });
  for (const auto& [name, token] : names)
    sheet.replace(name, color(token).name(QColor::HexArgb));
  return sheet;
}

void Theme::apply() {
  if (!qobject_cast<QApplication*>(QCoreApplication::instance())) return;
  // Once: a new style would make every widget measure itself again.
  if (!styled_) QApplication::setStyle(new CheckStyle);
  styled_ = true;
  QPalette palette;
  palette.setColor(QPalette::Window, color(Token::kWindow));
  palette.setColor(QPalette::WindowText, color(Token::kText));
  palette.setColor(QPalette::Base, color(Token::kSurface));
  palette.setColor(QPalette::AlternateBase, color(Token::kPanel));
  palette.setColor(QPalette::Text, color(Token::kText));
  palette.setColor(QPalette::PlaceholderText, color(Token::kText3));
  palette.setColor(QPalette::Button, color(Token::kSurface));
  palette.setColor(QPalette::ButtonText, color(Token::kText));
  palette.setColor(QPalette::Highlight, color(Token::kSelected));
  palette.setColor(QPalette::HighlightedText, color(Token::kText));
  palette.setColor(QPalette::Link, color(Token::kAccent));
  palette.setColor(QPalette::LinkVisited, color(Token::kAccent));
  palette.setColor(QPalette::ToolTipBase, color(Token::kTooltip));
  palette.setColor(QPalette::ToolTipText, color(Token::kOnTooltip));
  palette.setColor(QPalette::Light, color(Token::kSurface));
  palette.setColor(QPalette::Midlight, color(Token::kLine));
  palette.setColor(QPalette::Mid, color(Token::kLineStrong));
  palette.setColor(QPalette::Dark, color(Token::kControl));
  palette.setColor(QPalette::Shadow, color(Token::kControl));
  palette.setColor(QPalette::BrightText, color(Token::kOnAccent));
  // Disabled: 45 % of the text colour.
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
    QColor faint = color(Token::kText);
    faint.setAlphaF(0.45F);
    palette.setColor(QPalette::Disabled, role, faint);
  }
  QApplication::setPalette(palette);
  QApplication::setFont(font(FontRole::kInterface));
  QToolTip::setPalette(palette);
  qApp->setStyleSheet(styleSheet());
}

}  // namespace ui
