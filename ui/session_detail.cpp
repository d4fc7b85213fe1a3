#include "ui/session_detail.h"

#include <QCompleter>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/branch_pane.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/match_delegate.h"
#include "ui/match_model.h"
#include "ui/session_model.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kSide = 24;
constexpr qsizetype kTitleMax = 120;  // the whole of a longer one is in the tooltip

QString subtitleOf(const SessionRow& row) {
  const QString sources = counted(row.n_sources, SessionDetail::tr("1 source"),
                                  SessionDetail::tr("%1 sources"));
  const QString questions = counted(row.n_questions, SessionDetail::tr("1 question"),
                                    SessionDetail::tr("%1 questions"));
  const QString facts = SessionDetail::tr("%1 \u00B7 %2", "sources, questions")
                            .arg(sources, questions);
  return row.workspace.isEmpty() ? facts
                                 : SessionDetail::tr("%1 \u00B7 %2", "workspace, facts")
                                       .arg(visibleText(row.workspace), facts);
}

QString costOf(const SessionRow& row) {
  if (row.logical_bytes <= 0 && row.snapshot_bytes <= 0) return {};
  const std::int64_t shared = std::max<std::int64_t>(0, row.logical_bytes - row.snapshot_bytes);
  return SessionDetail::tr("shared %1, own %2", "bytes of the snapshot")
      .arg(byteWords(shared), byteWords(row.snapshot_bytes));
}

}  // namespace

SessionDetail::SessionDetail(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("sessionDetail"));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildHead());
  layout->addWidget(makeLine(Qt::Horizontal, this));
  branches_ = new BranchPane(this);
  layout->addWidget(branches_);
  layout->addWidget(buildMatches(), 1);
  layout->addStretch();
  buildMenus();
  connectParts();
}

QWidget* SessionDetail::buildHead() {
  auto* head = new QWidget(this);
  head->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
  title_ = makeLabel(FontRole::kTitle, Token::kText, head);
  title_->setWordWrap(true);
  title_->setObjectName(QStringLiteral("sessionTitle"));
  edit_ = new QLineEdit(head);
  edit_->setObjectName(QStringLiteral("sessionTitleEdit"));
  edit_->hide();
  edit_->installEventFilter(this);
  subtitle_ = makeLabel(FontRole::kInterface, Token::kText2, head);
  subtitle_->setWordWrap(true);
  resume_ = makeButton(ButtonKind::kPrimary, QStringLiteral("play"), tr("Resume"), head);
  resume_->setObjectName(QStringLiteral("resumeButton"));
  resume_->setToolTip(tr("Enter"));
  export_ = makeButton(ButtonKind::kPlain, QStringLiteral("export"), tr("Export"), head);
  export_->setObjectName(QStringLiteral("exportButton"));
  more_ = makeIconButton(QStringLiteral("more"), tr("More about this session"), head);
  more_->setObjectName(QStringLiteral("moreButton"));
  more_->setMinimumSize(theme().px(32), theme().px(30));
  note_ = makeLabel(FontRole::kInterface, Token::kText2, head);
  note_->setObjectName(QStringLiteral("sessionNote"));
  note_->setWordWrap(true);
  confirm_ = buildConfirm();

  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addWidget(resume_);
  buttons->addWidget(export_);
  buttons->addWidget(more_);
  buttons->addStretch();
  auto* layout = new QVBoxLayout(head);
  layout->setContentsMargins(kSide, 14, kSide, 16);
  layout->setSpacing(6);
  layout->addWidget(title_);
  layout->addWidget(edit_);
  layout->addWidget(subtitle_);
  layout->addSpacing(2);
  layout->addLayout(buttons);
  layout->addWidget(confirm_);
  layout->addWidget(note_);
  return head;
}

QFrame* SessionDetail::buildConfirm() {
  auto* confirm = new QFrame(this);
  confirm->setProperty("notice", "warn");
  confirm->setObjectName(QStringLiteral("deleteConfirm"));
  auto* sentence = makeLabel(FontRole::kInterface, Token::kText, confirm,
                             tr("Questions, answers and the snapshot are erased. Your files stay. "
                                "Backups and SSDs may keep copies."));
  sentence->setWordWrap(true);
  auto* erase = makeButton(ButtonKind::kPlain, {}, tr("Delete for good"), confirm);
  erase->setObjectName(QStringLiteral("deleteForGoodButton"));
  erase->setProperty("danger", true);
  keep_ = makeButton(ButtonKind::kPlain, {}, tr("Keep"), confirm);
  keep_->setObjectName(QStringLiteral("keepButton"));
  connect(erase, &QPushButton::clicked, this, [this] {
    askFirst(false);
    if (any_) emit deleteRequested(row_.id);
  });
  connect(keep_, &QPushButton::clicked, this, [this] { askFirst(false); });
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addWidget(erase);
  buttons->addWidget(keep_);
  buttons->addStretch();
  auto* layout = new QVBoxLayout(confirm);
  layout->setContentsMargins(14, 12, 14, 12);
  layout->setSpacing(8);
  layout->addWidget(sentence);
  layout->addLayout(buttons);
  return confirm;
}

QWidget* SessionDetail::buildMatches() {
  matches_ = new QWidget(this);
  matches_head_ = makeLabel(FontRole::kPaneHead, Token::kText, matches_);
  matches_head_->setObjectName(QStringLiteral("matchHead"));
  matches_head_->setContentsMargins(kSide, 12, kSide, 4);
  matches_head_->setWordWrap(true);
  match_model_ = new MatchModel(this);
  match_list_ = new QListView(matches_);
  match_list_->setObjectName(QStringLiteral("matchList"));
  match_list_->setAccessibleName(tr("Matches in this session"));
  match_list_->setModel(match_model_);
  match_list_->setItemDelegate(new MatchDelegate(match_list_));
  match_list_->setProperty("ground", "panel");
  match_list_->setResizeMode(QListView::Adjust);
  match_list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  match_list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  match_list_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  match_list_->setMinimumHeight(theme().px(80));
  match_list_->installEventFilter(this);
  auto* layout = new QVBoxLayout(matches_);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(makeLine(Qt::Horizontal, matches_));
  layout->addWidget(matches_head_);
  layout->addWidget(match_list_, 1);
  matches_->hide();
  return matches_;
}

void SessionDetail::buildMenus() {
  const auto add = [this](QMenu* menu, const char* name, const char* picture, const QString& words,
                          void (SessionDetail::*react)()) {
    QAction* action = menu->addAction(icon(QLatin1String(picture)), words);
    action->setObjectName(QLatin1String(name));
    connect(action, &QAction::triggered, this, react);
    return action;
  };
  export_menu_ = new QMenu(this);
  export_menu_->setObjectName(QStringLiteral("exportMenu"));
  add(export_menu_, "exportTextAction", "file", tr("Text with its proofs\u2026"),
      &SessionDetail::exportText);
  add(export_menu_, "exportSnapshotAction", "snapshot", tr("With the snapshot\u2026"),
      &SessionDetail::exportWithSnapshot);
  more_menu_ = new QMenu(this);
  more_menu_->setObjectName(QStringLiteral("moreMenu"));
  add(more_menu_, "renameAction", "edit", tr("Rename"), &SessionDetail::rename);
  pin_ = add(more_menu_, "pinAction", "pin", tr("Pin"), &SessionDetail::togglePinned);
  archive_ = add(more_menu_, "archiveAction", "download", tr("Archive"),
                 &SessionDetail::toggleArchived);
  add(more_menu_, "moveAction", "folder", tr("Move to workspace"), &SessionDetail::move);
  more_menu_->addSeparator();
  add(more_menu_, "deleteAction", "trash", tr("Delete"), &SessionDetail::askToDelete);
  connect(export_, &QPushButton::clicked, this, [this] {
    export_menu_->popup(export_->mapToGlobal(QPoint(0, export_->height())));
  });
  connect(more_, &QToolButton::clicked, this, [this] {
    more_menu_->popup(more_->mapToGlobal(QPoint(0, more_->height())));
  });
}

void SessionDetail::connectParts() {
  connect(resume_, &QPushButton::clicked, this, &SessionDetail::resume);
  connect(edit_, &QLineEdit::returnPressed, this, &SessionDetail::acceptEdit);
  connect(branches_, &BranchPane::branchRequested, this, &SessionDetail::branchRequested);
  connect(branches_, &BranchPane::switchRequested, this, &SessionDetail::switchRequested);
  connect(branches_, &BranchPane::rewindRequested, this, &SessionDetail::rewindRequested);
  connect(branches_, &BranchPane::removeRequested, this, &SessionDetail::removeBranchRequested);
  connect(match_list_, &QListView::activated, this, [this](const QModelIndex& index) {
    emit matchRequested(row_.id, match_model_->hit(index).message);
  });
}

void SessionDetail::setRow(const SessionRow* row) {
  const bool other = !any_ || !row || row->id != row_.id;
  any_ = row != nullptr;
  setVisible(any_);
  if (other) branches_->setBranches({});
  if (other) match_model_->setBranches({});
  askFirst(false);
  edit(Editing::kNothing);
  if (!any_) return;
  row_ = *row;
  QString title = row_.title;
  if (title.size() > kTitleMax) title = title.left(kTitleMax - 1) + QChar(u'\u2026');
  title_->setText(visibleText(title));
  title_->setToolTip(title.size() < row_.title.size() ? tooltipText(row_.title) : QString());
  subtitle_->setText(subtitleOf(row_));
  branches_->setCost(costOf(row_));
  pin_->setText(row_.pinned ? tr("Unpin") : tr("Pin"));
  archive_->setText(row_.archived ? tr("Take out of the archive") : tr("Archive"));
  showResume();
}

void SessionDetail::showResume() {
  const bool instant = row_.resume_from == ResumeFrom::kSnapshot;
  resume_->setText(row_.unfinished                   ? tr("Continue reading")
                   : row_.resume_s > 0 && instant    ? tr("Resume in %1").arg(resumeWords(row_))
                                                     : tr("Resume"));
  resume_->setAccessibleName(resume_->text());
  QString words;
  switch (row_.resume_from) {
    case ResumeFrom::kSnapshot: break;
    case ResumeFrom::kReadAgain:
      words = tr("The text opens at once. The context is read again before the next answer.");
      break;
    case ResumeFrom::kOtherModel:
      words = tr("The snapshot belongs to another model. The text opens at once, the context is "
                 "read again.");
      break;
    case ResumeFrom::kDamaged:
      words = tr("The snapshot is damaged and is not used. The text opens at once, the context is "
                 "read again.");
      break;
  }
  if (!words.isEmpty() && row_.resume_s > 0 && !row_.unfinished)
    words = tr("%1 That takes %2.", "sentence, duration").arg(words, resumeWords(row_));
  if (row_.unfinished)
    words = row_.tokens_to_read > 0
                ? tr("%1 of %2 tokens are read and safe on disk.")
                      .arg(exactCount(row_.tokens_read), exactCount(row_.tokens_to_read))
                : tr("Nothing of it is read yet.");
  note_->setText(words);
  note_->setVisible(!words.isEmpty());
}

void SessionDetail::setHits(const QString& words, const std::vector<SearchHitValue>& hits) {
  match_model_->setHits(hits);
  matches_->setVisible(!hits.empty());
  matches_head_->setText(tr("Matches for \u201C%1\u201D").arg(visibleText(words)));
}

void SessionDetail::setBranches(const BranchesValue& value) {
  if (!any_ || value.session != row_.id) return;
  branches_->setBranches(value);
  match_model_->setBranches(value);
}

void SessionDetail::setWorkspaces(const std::vector<WorkspaceValue>& workspaces) {
  workspaces_.clear();
  for (const WorkspaceValue& workspace : workspaces) workspaces_ << workspace.name;
}

void SessionDetail::resume() {
  if (!any_) return;
  if (row_.unfinished) emit readingRequested(row_.id);
  else emit sessionRequested(row_.id);
}

void SessionDetail::rename() { edit(Editing::kTitle); }
void SessionDetail::move() { edit(Editing::kWorkspace); }

void SessionDetail::togglePinned() {
  if (any_) emit pinRequested(row_.id, !row_.pinned);
}

void SessionDetail::toggleArchived() {
  if (any_) emit archiveRequested(row_.id, !row_.archived);
}

void SessionDetail::exportText() {
  if (any_) emit exportRequested(row_.id, ExportKind::kText);
}

void SessionDetail::exportWithSnapshot() {
  if (any_) emit exportRequested(row_.id, ExportKind::kWithSnapshot);
}

void SessionDetail::askToDelete() {
  if (any_) askFirst(true);
}

void SessionDetail::askFirst(bool ask) {
  confirm_->setVisible(ask);
  if (ask) keep_->setFocus();
}

void SessionDetail::edit(Editing what) {
  if (!any_) what = Editing::kNothing;
  editing_ = what;
  edit_->setVisible(what != Editing::kNothing);
  title_->setVisible(what != Editing::kTitle);
  subtitle_->setVisible(what != Editing::kWorkspace);
  edit_->setCompleter(nullptr);
  if (what == Editing::kNothing) return;
  edit_->setText(what == Editing::kTitle ? row_.title : row_.workspace);
  edit_->setAccessibleName(what == Editing::kTitle
                               ? tr("Session title")
                               : tr("Workspace; one of a new name is made"));
  if (what == Editing::kWorkspace) {
    auto* completer = new QCompleter(workspaces_, edit_);
    completer->setCaseSensitivity(Qt::CaseInsensitive);
    edit_->setCompleter(completer);
  }
  edit_->setFocus();
  edit_->selectAll();
}

void SessionDetail::acceptEdit() {
  const QString words = edit_->text().trimmed();
  const Editing what = editing_;
  edit(Editing::kNothing);
  emit edited();
  if (words.isEmpty() || !any_) return;
  if (what == Editing::kTitle) emit renameRequested(row_.id, words);
  if (what == Editing::kWorkspace && words != row_.workspace) emit moveRequested(row_.id, words);
}

bool SessionDetail::eventFilter(QObject* watched, QEvent* event) {
  const bool press = event->type() == QEvent::KeyPress;
  if (!press && event->type() != QEvent::ShortcutOverride)
    return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  if (watched == edit_ && key->key() == Qt::Key_Escape) {
    event->accept();
    if (press) {
      edit(Editing::kNothing);
      emit edited();
    }
    return true;
  }
  const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
  if (watched == match_list_ && press && enter && match_list_->currentIndex().isValid()) {
    emit matchRequested(row_.id, match_model_->hit(match_list_->currentIndex()).message);
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace ui
