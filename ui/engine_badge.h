// engine_badge.h: engine name and state word, and whether anything may leave the machine.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;

namespace ui {

QString engineStateWord(EngineState state);

// A pill with a coloured dot. Property `state` carries the state word for tests.
class EngineBadge : public QWidget {
  Q_OBJECT
  Q_PROPERTY(QString state READ state)

 public:
  explicit EngineBadge(QWidget* parent = nullptr);
  void setValue(const EngineValue& value);
  QString state() const { return engineStateWord(value_.state); }
  QSize sizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString name() const;
  QString word() const;
  EngineValue value_;
};

// `Offline` with a lock, or the address that listens; never hidden.
class NetworkBadge : public QWidget {
  Q_OBJECT

 public:
  explicit NetworkBadge(QWidget* parent = nullptr);
  void setLocalServer(const QString& address);
  QSize sizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString words() const;
  QString address_;
};

}  // namespace ui
