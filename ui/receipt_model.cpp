#include "ui/receipt_model.h"

#include <map>

#include "ui/receipt_words.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kTipPaths = 12;

QString iconOf(const QString& reason) {
  if (reason == QLatin1String("locked")) return QStringLiteral("lock");
  if (reason == QLatin1String("ignored") || reason == QLatin1String("submodule"))
    return QStringLiteral("git");
  if (reason == QLatin1String("binary")) return QStringLiteral("file");
  return QStringLiteral("warn");
}

}  // namespace

void ReceiptModel::setEntries(const std::vector<base::ReceiptEntry>& entries,
                              std::int64_t n_tokens) {
  int n_whole = 0;
  std::map<QString, QStringList> remarks, skips;  // by reason
  for (const base::ReceiptEntry& entry : entries) {
    const QString reason = QString::fromStdString(entry.reason);
    const QString path = visibleText(entry.path);
    if (entry.read && reason.isEmpty()) ++n_whole;
    else (entry.read ? remarks : skips)[reason] << path;
  }
  beginResetModel();
  lines_.clear();
  lines_.push_back({QStringLiteral("check"),
                    counted(n_whole, tr("1 file included whole"), tr("%1 files included whole")),
                    tr("%1 tokens").arg(exactCount(n_tokens)),
                    {},
                    true});
  const auto add = [this](const QString& reason, const QStringList& paths,
                          const QString& sentence) {
    QString tip = paths.mid(0, kTipPaths).join(QLatin1Char('\n'));
    if (paths.size() > kTipPaths) tip += tr("\nand %1 more").arg(paths.size() - kTipPaths);
    lines_.push_back({iconOf(reason), sentence, receiptReason(reason), tip, false});
  };
  for (const auto& [reason, paths] : remarks)
    add(reason, paths,
        paths.size() == 1 ? tr("%1 was read with a remark").arg(fileName(paths[0]))
                          : tr("%1 files were read with a remark").arg(paths.size()));
  for (const auto& [reason, paths] : skips)
    add(reason, paths, paths.size() == 1 ? tr("%1 was skipped").arg(fileName(paths[0]))
                                         : tr("%1 files were skipped").arg(paths.size()));
  if (remarks.empty() && skips.empty())
    lines_.push_back({QStringLiteral("check"), tr("No file was cut or skipped"), {}, {}, true});
  endResetModel();
}

int ReceiptModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(lines_.size());
}

QVariant ReceiptModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Line& line = lines_[static_cast<size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole: return line.sentence;
    case Qt::ToolTipRole:
      return QString(QLatin1String("<qt>") +
                     line.tip.toHtmlEscaped().replace(QLatin1Char('\n'), QLatin1String("<br>")) +
                     QLatin1String("</qt>"));
    case Qt::AccessibleTextRole: return tr("%1, %2").arg(line.sentence, line.detail);
    case kIconRole: return line.icon;
    case kDetailRole: return line.detail;
    case kGoodRole: return line.good;
    default: return {};
  }
}

}  // namespace ui
