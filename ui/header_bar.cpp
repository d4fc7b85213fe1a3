#include "ui/header_bar.h"

#include <QHBoxLayout>
#include <QMenu>
#include <QPainter>
#include <QToolButton>

#include "ui/branch_model.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {
namespace {

Token snapshotInk(SnapshotState state) {
  switch (state) {
    case SnapshotState::kSaved: return Token::kOk;
    case SnapshotState::kSaving: return Token::kAccent;
    case SnapshotState::kNotSaved: return Token::kWarn;
    case SnapshotState::kTextOnly: return Token::kText2;
  }
  return Token::kText2;
}

}  // namespace

HeaderBar::HeaderBar(QWidget* parent)
    : QWidget(parent),
      workspace_(new ElidedLabel(FontRole::kReading, Token::kText2, Qt::ElideMiddle, this)),
      arrow_(makeLabel(FontRole::kReading, Token::kText2, this, QStringLiteral("\u203A"))),
      title_(new ElidedLabel(FontRole::kReadingStrong, Token::kText, Qt::ElideRight, this)),
      menu_(makeIconButton(QStringLiteral("down"), tr("Session menu"), this)),
      branch_(makeIconButton(QStringLiteral("branch"), tr("Branches of this session"), this)),
      branches_(new QMenu(this)),
      snapshot_icon_(new QLabel(this)),
      snapshot_(makeLabel(FontRole::kSmall, Token::kText2, this)),
      find_(makeIconButton(QStringLiteral("search"), tr("Find everywhere comes later"), this)) {
  setObjectName(QStringLiteral("headerBar"));
  workspace_->setObjectName(QStringLiteral("workspaceButton"));
  menu_->setObjectName(QStringLiteral("sessionButton"));
  branch_->setObjectName(QStringLiteral("branchButton"));
  branch_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  branch_->setProperty("outlined", true);
  branches_->setObjectName(QStringLiteral("branchMenu"));
  snapshot_->setObjectName(QStringLiteral("snapshotLabel"));
  find_->setObjectName(QStringLiteral("findButton"));
  find_->setEnabled(false);
  setMinimumHeight(42);
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(16, 0, 16, 0);
  layout->setSpacing(8);
  layout->addWidget(workspace_);
  layout->addWidget(arrow_);
  layout->addWidget(title_);
  layout->addWidget(menu_);
  layout->addWidget(branch_);
  layout->addStretch(1);
  layout->addWidget(snapshot_icon_);
  layout->addWidget(snapshot_);
  layout->addWidget(find_);
  connect(menu_, &QToolButton::clicked, this, [this] {
    emit sessionMenuRequested(menu_->mapToGlobal(QPoint(0, menu_->height())));
  });
  connect(branch_, &QToolButton::clicked, this, [this] {
    branches_->popup(branch_->mapToGlobal(QPoint(0, branch_->height())));
  });
  connect(&theme(), &Theme::changed, this, [this] {
    snapshot_icon_->setPixmap(icon(QStringLiteral("snapshot"), snapshotInk(snapshot_state_))
                                  .pixmap(QSize(16, 16), devicePixelRatioF()));
    update();
  });
  showTitle({});
}

void HeaderBar::showTitle(const QString& title) {
  for (QWidget* widget : {static_cast<QWidget*>(workspace_), static_cast<QWidget*>(arrow_),
                          static_cast<QWidget*>(menu_), static_cast<QWidget*>(branch_),
                          static_cast<QWidget*>(snapshot_icon_),
                          static_cast<QWidget*>(snapshot_)})
    widget->hide();
  title_->setFullText(title);
}

void HeaderBar::showSession(const QString& workspace, const QString& title) {
  workspace_->setFullText(visibleText(workspace));
  workspace_->setVisible(!workspace.isEmpty());
  arrow_->setVisible(!workspace.isEmpty());
  title_->setFullText(visibleText(title));
  menu_->show();
  branch_->setVisible(!branches_->isEmpty());
  snapshot_icon_->show();
  snapshot_->show();
}

void HeaderBar::setBranches(const BranchesValue& value) {
  constexpr qsizetype kNameShown = 28;
  const auto shortened = [](QString name) {
    if (name.size() > kNameShown) name = name.left(kNameShown - 1) + QChar(u'\u2026');
    return name.replace(QLatin1Char('&'), QLatin1String("&&"));
  };
  branches_->clear();
  branch_->setVisible(value.session && !menu_->isHidden());
  if (!value.session) return;
  const QString active = branchName(value.active_title);
  branch_->setText(shortened(active));
  branch_->setAccessibleName(tr("Branch %1; choose another").arg(active));
  QAction* here = branches_->addAction(shortened(active));
  here->setCheckable(true);
  here->setChecked(true);
  for (const BranchValue& branch : value.others) {
    const QString name = branch.title.isEmpty() && !branch.turns.empty()
                             ? visibleText(branch.turns.front().words)
                             : branchName(branch.title);
    QAction* other = branches_->addAction(shortened(name));
    connect(other, &QAction::triggered, this, [this, id = branch.id] { emit branchChosen(id); });
  }
}

void HeaderBar::setSnapshot(const SnapshotValue& value) {
  snapshot_state_ = value.state;
  snapshot_->setText(snapshotWords(value));
  const Token ink = snapshotInk(value.state);
  setInk(snapshot_, ink == Token::kOk ? Token::kText2 : ink);
  snapshot_icon_->setPixmap(icon(QStringLiteral("snapshot"), ink)
                                .pixmap(QSize(16, 16), devicePixelRatioF()));
}

QString HeaderBar::snapshotWords(const SnapshotValue& value) const {
  switch (value.state) {
    case SnapshotState::kSaving:
      return tr("Saving snapshot, %1 %").arg(static_cast<int>(value.fraction * 100));
    case SnapshotState::kNotSaved:
      return value.resume_s > 0
                 ? tr("Not saved as snapshot, resumes in %1").arg(durationWords(value.resume_s))
                 : tr("Not saved as snapshot");
    case SnapshotState::kTextOnly:
      return tr("Text only");
    case SnapshotState::kSaved:
      break;
  }
  const QString time = value.saved_at.toString(QStringLiteral("HH:mm"));
  const QString size = byteWords(value.bytes);
  if (value.resume_s <= 0) return tr("Snapshot %1 \u00B7 %2", "time, size").arg(time, size);
  return tr("Snapshot %1 \u00B7 %2 \u00B7 resumes in %3", "time, size, duration")
      .arg(time, size, durationWords(value.resume_s));
}

void HeaderBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), color(Token::kWindow));
  painter.fillRect(QRect(0, height() - 1, width(), 1), color(Token::kLine));
}

}  // namespace ui
