#include "ui/shortcuts_dialog.h"

#include <QDialogButtonBox>
#include <QHeaderView>
#include <QTreeWidget>
#include <QVBoxLayout>

#include "ui/action_registry.h"
#include "ui/theme.h"

namespace ui {

ShortcutsDialog::ShortcutsDialog(const ActionRegistry& actions, QWidget* parent)
    : QDialog(parent) {
  setObjectName(QStringLiteral("shortcutsDialog"));
  setWindowTitle(tr("Keyboard"));
  setAttribute(Qt::WA_DeleteOnClose);
  auto* table = new QTreeWidget(this);
  table->setObjectName(QStringLiteral("shortcutsTable"));
  table->setAccessibleName(tr("Commands and their keys"));
  table->setRootIsDecorated(false);
  table->setHeaderLabels({tr("Keys"), tr("Command"), tr("What it does")});
  for (const QAction* action : actions.all()) {
    if (action->shortcut().isEmpty()) continue;
    QString words = action->text();
    words.remove(QLatin1Char('&'));
    auto* row = new QTreeWidgetItem(table);
    row->setText(0, action->shortcut().toString(QKeySequence::NativeText));
    row->setText(1, words);
    row->setText(2, action->statusTip());
  }
  for (const int column : {0, 1}) table->resizeColumnToContents(column);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(table);
  layout->addWidget(buttons);
  resize(theme().px(720), theme().px(560));
}

}  // namespace ui
