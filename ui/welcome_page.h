// welcome_page.h: the first screen: what Lectern does, where to drop, what this machine can do.
#pragma once

#include <QScrollArea>

#include "ui/values.h"

class QLabel;
class QPushButton;
class QVBoxLayout;

namespace ui {

class DropTarget;
class ErrorCard;
class ReadingQueue;

class WelcomePage : public QScrollArea {
  Q_OBJECT

 public:
  explicit WelcomePage(QWidget* parent = nullptr);

  void show(const WelcomeValue& value);
  ErrorCard* errorCard() { return error_; }
  ReadingQueue& readings() { return *readings_; }

 signals:
  void pathsDropped(const QStringList& paths);
  void openFolderRequested();
  void openPdfsRequested();
  void sampleRequested();
  void sessionsRequested();
  void chooseModelRequested();

 private:
  QWidget* buildLeft();
  QWidget* buildRight();
  QWidget* buildCard(const QString& icon_name, const QString& title, const QString& text,
                     const QString& note, QPushButton* button);
  QWidget* factRow(const MachineFact& fact);

  DropTarget* drop_ = nullptr;
  ErrorCard* error_ = nullptr;
  ReadingQueue* readings_ = nullptr;
  QVBoxLayout* machine_rows_ = nullptr;
  QLabel* model_name_ = nullptr;
  QLabel* model_text_ = nullptr;
};

}  // namespace ui
