#include "ui/receipt_words.h"

#include <QCoreApplication>

#include "ui/words.h"

namespace ui {

QString receiptReason(const QString& reason) {
  const auto tr = [](const char* text) {
    return QCoreApplication::translate("ui::receipt", text);
  };
  if (reason == QLatin1String("ignored")) return tr("ignored by git");
  if (reason == QLatin1String("hidden")) return tr("hidden file");
  if (reason == QLatin1String("binary")) return tr("binary");
  if (reason == QLatin1String("too_large")) return tr("too large");
  if (reason == QLatin1String("empty")) return tr("empty");
  if (reason == QLatin1String("locked")) return tr("needs a password");
  if (reason == QLatin1String("damaged")) return tr("damaged");
  if (reason == QLatin1String("unreadable")) return tr("cannot be opened");
  if (reason == QLatin1String("symlink")) return tr("link to another place");
  if (reason == QLatin1String("submodule")) return tr("submodule");
  if (reason == QLatin1String("left_out")) return tr("left out by you");
  QString words = reason;
  return visibleText(words.replace(QLatin1Char('_'), QLatin1Char(' ')));
}

}  // namespace ui
