#include "ui/status_line.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QStatusBar>
#include <QWidget>

#include "ui/icon.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {

StatusLine::StatusLine(QStatusBar* bar)
    : QObject(bar),
      bar_(bar),
      saved_(addLabel("statusSaved", QStringLiteral("check"), false)),
      cursor_(addLabel("statusCursor", {}, false)),
      gpu_(addLabel("statusGpu", QStringLiteral("engine"), true)),
      ram_(addLabel("statusRam", QStringLiteral("ram"), true)),
      disk_(addLabel("statusDisk", QStringLiteral("disk"), true)),
      speed_(addLabel("statusSpeed", QStringLiteral("clock"), true)) {
  bar->setObjectName(QStringLiteral("statusBar"));
  bar->setSizeGripEnabled(false);
  bar->setContentsMargins(8, 0, 8, 0);
}

QLabel* StatusLine::addLabel(const char* name, const QString& icon_name, bool right) {
  auto* box = new QWidget(bar_);
  auto* layout = new QHBoxLayout(box);
  layout->setContentsMargins(8, 0, 8, 0);
  layout->setSpacing(6);
  auto* picture = new QLabel(box);
  picture->setVisible(!icon_name.isEmpty());
  const auto tint = [picture, icon_name] {
    if (!icon_name.isEmpty())
      picture->setPixmap(icon(icon_name).pixmap(QSize(14, 14), picture->devicePixelRatioF()));
  };
  tint();
  connect(&theme(), &Theme::changed, picture, tint);
  QLabel* label = makeLabel(FontRole::kSmall, Token::kText2, box);
  label->setObjectName(QLatin1String(name));
  layout->addWidget(picture);
  layout->addWidget(label);
  if (right) bar_->addPermanentWidget(box);
  else bar_->addWidget(box);
  box->hide();
  return label;
}

void StatusLine::setWords(QLabel* label, const QString& words) {
  label->setText(words);
  label->parentWidget()->setVisible(!words.isEmpty());
}

void StatusLine::setSaved(const QDateTime& when) {
  setWords(saved_, when.isValid() ? tr("Saved %1").arg(when.toString(QStringLiteral("HH:mm:ss")))
                                  : QString());
}

void StatusLine::setCursor(const QString& words) { setWords(cursor_, words); }

void StatusLine::setEngine(const EngineValue& value) {
  const auto of = [](std::int64_t used, std::int64_t total) {
    return tr("%1 of %2", "used, total").arg(byteWords(used), byteWords(total));
  };
  setWords(gpu_, value.gpu_total_bytes > 0
                     ? tr("GPU %1").arg(of(value.gpu_bytes, value.gpu_total_bytes))
                     : QString());
  setWords(ram_, value.ram_total_bytes > 0
                     ? tr("RAM %1").arg(of(value.ram_bytes, value.ram_total_bytes))
                     : QString());
  setWords(disk_, value.snapshot_bytes > 0 ? tr("snapshots %1").arg(byteWords(value.snapshot_bytes))
                                           : QString());
  QStringList speeds;
  if (value.read_tok_s > 0) speeds << tr("reads %1").arg(rateWords(value.read_tok_s));
  if (value.answer_tok_s > 0) speeds << tr("answers %1").arg(rateWords(value.answer_tok_s));
  setWords(speed_, speeds.join(QStringLiteral(" \u00B7 ")));
}

}  // namespace ui
