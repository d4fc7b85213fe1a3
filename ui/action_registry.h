// action_registry.h: every command of the window, once.
//
// Menus, help and tests read this one list. Names and shortcuts are those of ui.md section 6.
#pragma once

#include <vector>

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <QWidget>

namespace ui {

struct ActionSpec {
  const char* name;     // objectName
  QString text;
  QString tip;          // status tip: what it does
  QKeySequence shortcut;
  const char* icon = nullptr;
};

class ActionRegistry : public QObject {
  Q_OBJECT

 public:
  explicit ActionRegistry(QWidget* window) : QObject(window), window_(window) {}

  QAction* add(const ActionSpec& spec);
  // CHECKs that it exists.
  QAction* get(const char* name) const;
  const std::vector<QAction*>& all() const { return all_; }

 private:
  QWidget* window_;
  std::vector<QAction*> all_;
};

}  // namespace ui
