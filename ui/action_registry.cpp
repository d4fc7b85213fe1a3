#include "ui/action_registry.h"

#include <QWidget>

#include "engine/base/check.h"
#include "ui/icon.h"

namespace ui {

QAction* ActionRegistry::add(const ActionSpec& spec) {
  auto* action = new QAction(spec.text, this);
  action->setObjectName(QLatin1String(spec.name));
  action->setStatusTip(spec.tip);
  if (spec.icon) action->setIcon(icon(QLatin1String(spec.icon)));
  action->setShortcut(spec.shortcut);
  window_->addAction(action);
  all_.push_back(action);
  return action;
}

QAction* ActionRegistry::get(const char* name) const {
  for (QAction* action : all_)
    if (action->objectName() == QLatin1String(name)) return action;
  CHECK(!"known action name");
  return nullptr;
}

}  // namespace ui
