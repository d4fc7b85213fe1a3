// label.h: text and small buttons that follow the theme.
#pragma once

#include <QLabel>
#include <QString>
#include <QToolButton>

#include "ui/theme.h"

class QPushButton;

namespace ui {

// A plain-text label in a role and a colour; both follow theme changes.
QLabel* makeLabel(FontRole role, Token ink, QWidget* parent, const QString& text = {});
void setInk(QLabel* label, Token ink);

// An icon-only button with tooltip and accessible name.
QToolButton* makeIconButton(const QString& icon_name, const QString& words, QWidget* parent);

// A button with an icon before its words; `primary` fills it with the accent.
enum class ButtonKind { kPlain, kPrimary, kLink };
QPushButton* makeButton(ButtonKind kind, const QString& icon_name, const QString& words,
                        QWidget* parent);

// A 1 px divider.
QWidget* makeLine(Qt::Orientation orientation, QWidget* parent);

// One line of text that gives way to its neighbours: elided in the middle, whole in the tooltip.
class ElidedLabel : public QLabel {
  Q_OBJECT
 public:
  ElidedLabel(FontRole role, Token ink, Qt::TextElideMode mode, QWidget* parent);
  void setFullText(const QString& text);
  QString fullText() const { return full_text_; }
  QSize minimumSizeHint() const override;
  QSize sizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString full_text_;
  Token ink_;
  Qt::TextElideMode mode_;
};

}  // namespace ui
