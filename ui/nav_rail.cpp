#include "ui/nav_rail.h"

#include <QActionGroup>
#include <QToolButton>
#include <QWidgetAction>

#include "ui/action_registry.h"
#include "ui/theme.h"

namespace ui {

NavRail::NavRail(const ActionRegistry& actions, QWidget* parent) : QToolBar(parent) {
  setObjectName(QStringLiteral("navRail"));
  setWindowTitle(tr("Pages"));
  setAccessibleName(tr("Pages"));
  setOrientation(Qt::Vertical);
  setMovable(false);
  setFloatable(false);
  setContextMenuPolicy(Qt::PreventContextMenu);
  setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
  setIconSize(QSize(theme().px(20), theme().px(20)));
  connect(&theme(), &Theme::changed, this, [this] {
    setIconSize(QSize(theme().px(20), theme().px(20)));
  });
  auto* group = new QActionGroup(this);
  for (const char* name : {"actionPageAsk", "actionPageContext", "actionPageSessions",
                           "actionPageAgent", "actionPageEngine"}) {
    group->addAction(actions.get(name));
    addPage(actions.get(name));
  }
  auto* spacer = new QWidget(this);
  spacer->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Expanding);
  addWidget(spacer);
  addPage(actions.get("actionSettings"));
}

void NavRail::addPage(QAction* action) {
  addAction(action);
  QWidget* button = widgetForAction(action);
  button->setFocusPolicy(Qt::TabFocus);
  button->setAccessibleName(action->text());
}

}  // namespace ui
