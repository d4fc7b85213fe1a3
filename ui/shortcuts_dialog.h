// shortcuts_dialog.h: every command with its keys, from the registry.
#pragma once

#include <QDialog>

namespace ui {

class ActionRegistry;

class ShortcutsDialog : public QDialog {
  Q_OBJECT

 public:
  ShortcutsDialog(const ActionRegistry& actions, QWidget* parent);
};

}  // namespace ui
