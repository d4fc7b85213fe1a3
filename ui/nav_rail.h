// nav_rail.h: the vertical bar of pages at the left.
#pragma once

#include <QToolBar>

namespace ui {

class ActionRegistry;

// Shows the page actions of the registry, checkable and exclusive, words under icons.
class NavRail : public QToolBar {
  Q_OBJECT

 public:
  NavRail(const ActionRegistry& actions, QWidget* parent);

 private:
  void addPage(QAction* action);
};

}  // namespace ui
