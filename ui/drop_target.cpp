#include "ui/drop_target.h"

#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QMimeData>
#include <QPainter>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>

#include "ui/icon.h"
#include "ui/label.h"

namespace ui {

QStringList droppedPaths(const QMimeData& data) {
  QStringList paths;
  for (const QUrl& url : data.urls()) {
    if (!url.isLocalFile()) return {};
    const QFileInfo info(url.toLocalFile());
    if (!info.isDir() && !info.isFile()) return {};
    paths << info.absoluteFilePath();
  }
  return paths;
}

DropTarget::DropTarget(QWidget* parent)
    : QFrame(parent),
      title_(makeLabel(FontRole::kReadingStrong, Token::kText, this)),
      hint_(makeLabel(FontRole::kInterface, Token::kText2, this)) {
  setObjectName(QStringLiteral("dropTarget"));
  setAccessibleName(tr("Drop a folder, a git repository or PDFs here"));
  setAcceptDrops(true);
  auto* folder = makeButton(ButtonKind::kPrimary, QStringLiteral("folder"),
                            tr("Open folder\u2026"), this);
  folder->setObjectName(QStringLiteral("openFolderButton"));
  auto* pdfs = makeButton(ButtonKind::kPlain, QStringLiteral("pdf"), tr("Open PDFs\u2026"), this);
  pdfs->setObjectName(QStringLiteral("openPdfsButton"));
  connect(folder, &QPushButton::clicked, this, &DropTarget::openFolderClicked);
  connect(pdfs, &QPushButton::clicked, this, &DropTarget::openPdfsClicked);

  auto* pictures = new QHBoxLayout;
  pictures->setSpacing(34);
  pictures->addStretch();
  for (const char* name : {"folder", "pdf"}) {
    auto* picture = new QLabel(this);
    const auto tint = [picture, name] {
      picture->setPixmap(icon(QLatin1String(name), Token::kAccent)
                             .pixmap(QSize(30, 30), picture->devicePixelRatioF()));
    };
    tint();
    connect(&theme(), &Theme::changed, picture, tint);
    pictures->addWidget(picture);
  }
  pictures->addStretch();
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(10);
  buttons->addStretch();
  buttons->addWidget(folder);
  buttons->addWidget(pdfs);
  buttons->addStretch();
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(24, 26, 24, 16);
  layout->setSpacing(6);
  layout->addLayout(pictures);
  layout->addSpacing(8);
  layout->addWidget(title_, 0, Qt::AlignHCenter);
  layout->addWidget(hint_, 0, Qt::AlignHCenter);
  layout->addSpacing(8);
  layout->addLayout(buttons);
  setDrag(Drag::kNone);
}

void DropTarget::setDrag(Drag drag) {
  drag_ = drag;
  title_->setText(drag == Drag::kWelcome   ? tr("Drop to plan: nothing is read yet")
                  : drag == Drag::kRefused ? tr("This cannot be read")
                                           : tr("Drop a folder, a git repository or PDFs here"));
  hint_->setText(drag == Drag::kRefused
                     ? tr("Lectern takes folders and files of this machine.")
                     : tr("You see the plan first: every file, its tokens, the time it takes. "
                          "Nothing is read before you say so."));
  update();
}

void DropTarget::dragEnterEvent(QDragEnterEvent* event) {
  const bool welcome = !droppedPaths(*event->mimeData()).isEmpty();
  setDrag(welcome ? Drag::kWelcome : Drag::kRefused);
  if (welcome) event->acceptProposedAction();
}

void DropTarget::dragLeaveEvent(QDragLeaveEvent*) { setDrag(Drag::kNone); }

void DropTarget::dropEvent(QDropEvent* event) {
  setDrag(Drag::kNone);
  const QStringList paths = droppedPaths(*event->mimeData());
  if (paths.isEmpty()) return;
  event->acceptProposedAction();
  emit pathsDropped(paths);
}

void DropTarget::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const bool active = drag_ != Drag::kNone;
  QPen pen(color(drag_ == Drag::kWelcome   ? Token::kAccent
                 : drag_ == Drag::kRefused ? Token::kDanger
                                           : Token::kControl),
           active ? 2 : 1);
  if (!active) pen.setDashPattern({4, 3});
  painter.setPen(pen);
  painter.setBrush(color(Token::kPanel));
  painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 12, 12);
}

}  // namespace ui
