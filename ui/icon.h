// icon.h: the own SVGs, tinted with tokens of the theme.
#pragma once

#include <QIcon>
#include <QRectF>
#include <QString>

#include "engine/base/document.h"
#include "ui/theme.h"

class QPainter;

namespace ui {

// An icon that follows the theme: `normal` while idle, `on` while checked, faint when disabled.
QIcon icon(const QString& name, Token normal = Token::kText2, Token on = Token::kAccent);

// Name of the picture for a file of this kind.
QString iconOf(base::DocumentKind kind);

// Paints the icon into `rect` at the painter's device resolution.
void paintIcon(QPainter& painter, const QRectF& rect, const QString& name, const QColor& color);

}  // namespace ui
