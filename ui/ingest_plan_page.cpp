#include "ui/ingest_plan_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QTreeView>
#include <QVBoxLayout>

#include "ui/budget_bar.h"
#include "ui/error_card.h"
#include "ui/icon.h"
#include "ui/ingest_plan_model.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kFoldersShown = 6;

}  // namespace

IngestPlanPage::IngestPlanPage(QWidget* parent)
    : QWidget(parent),
      model_(new IngestPlanModel(this)),
      filtered_(new QSortFilterProxyModel(this)) {
  setObjectName(QStringLiteral("ingestPlanPage"));
  setProperty("ground", "surface");
  setAttribute(Qt::WA_StyledBackground);
  filtered_->setSourceModel(model_);
  filtered_->setRecursiveFilteringEnabled(true);
  filtered_->setAutoAcceptChildRows(true);
  filtered_->setFilterCaseSensitivity(Qt::CaseInsensitive);
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildTree(), 1);
  layout->addWidget(makeLine(Qt::Vertical, this));
  layout->addWidget(buildCost());
  connect(model_, &IngestPlanModel::totalsChanged, this, &IngestPlanPage::updateCost);
}

QWidget* IngestPlanPage::buildTree() {
  auto* left = new QWidget(this);
  title_ = makeLabel(FontRole::kTitle, Token::kText, left);
  summary_ = makeLabel(FontRole::kInterface, Token::kText2, left);
  summary_->setWordWrap(true);
  filter_ = new QLineEdit(left);
  filter_->setObjectName(QStringLiteral("planFilter"));
  filter_->setAccessibleName(tr("Filter files"));
  filter_->setPlaceholderText(tr("Filter files"));
  filter_->setClearButtonEnabled(true);
  filter_->addAction(icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
  filter_->setMaximumWidth(260);
  connect(filter_, &QLineEdit::textChanged, this, [this](const QString& text) {
    filtered_->setFilterWildcard(text);
    if (!text.isEmpty()) tree_->expandAll();
  });

  tree_ = new QTreeView(left);
  tree_->setObjectName(QStringLiteral("planTree"));
  tree_->setAccessibleName(tr("Files to read"));
  tree_->setModel(filtered_);
  tree_->setUniformRowHeights(true);
  tree_->setAlternatingRowColors(false);
  tree_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  tree_->header()->setStretchLastSection(false);
  tree_->header()->setSectionResizeMode(IngestPlanModel::kName, QHeaderView::Stretch);
  tree_->header()->setMinimumSectionSize(80);
  tree_->setContextMenuPolicy(Qt::CustomContextMenu);
  connect(tree_, &QTreeView::customContextMenuRequested, this, &IngestPlanPage::showLevelMenu);

  auto* head = new QHBoxLayout;
  auto* words = new QVBoxLayout;
  words->setSpacing(2);
  words->addWidget(title_);
  words->addWidget(summary_);
  head->addLayout(words, 1);
  head->addWidget(filter_, 0, Qt::AlignBottom);
  auto* layout = new QVBoxLayout(left);
  layout->setContentsMargins(24, 24, 24, 0);
  layout->setSpacing(14);
  layout->addLayout(head);
  layout->addWidget(tree_, 1);
  return left;
}

// How much of the file or folder under the mouse, or under the cursor for the menu key, is read.
void IngestPlanPage::showLevelMenu(const QPoint& position) {
  const QModelIndex at = tree_->indexAt(position);
  const QModelIndex row = at.isValid() ? at : tree_->currentIndex();
  if (!row.isValid()) return;
  const QString path = row.data(IngestPlanModel::kPathRole).toString();
  auto* menu = new QMenu(tree_);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  const auto add = [&](const QString& words, base::DetailLevel level) {
    connect(menu->addAction(words), &QAction::triggered, this,
            [this, path, level] { model_->setLevel(path, level); });
  };
  add(tr("Read in full"), base::DetailLevel::kFull);
  add(tr("Outline only"), base::DetailLevel::kOutline);
  add(tr("Name only"), base::DetailLevel::kNameOnly);
  menu->popup(tree_->viewport()->mapToGlobal(position));
}

QWidget* IngestPlanPage::buildCost() {
  auto* right = new QWidget(this);
  right->setProperty("ground", "panel");
  right->setAttribute(Qt::WA_StyledBackground);
  right->setMinimumWidth(theme().px(340));
  right->setMaximumWidth(theme().px(460));
  right->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
  error_ = new ErrorCard(right);
  error_->setObjectName(QStringLiteral("planErrorCard"));
  error_->hide();
  bar_ = new BudgetBar(right);
  bar_->setObjectName(QStringLiteral("planBudgetBar"));
  budget_ = makeLabel(FontRole::kInterface, Token::kText2, right);
  eta_ = makeLabel(FontRole::kTitle, Token::kText, right);
  eta_->setObjectName(QStringLiteral("planEta"));
  disk_ = makeLabel(FontRole::kInterface, Token::kText2, right);
  skipped_ = makeLabel(FontRole::kInterface, Token::kText2, right);
  for (QLabel* label : {budget_, eta_, disk_, skipped_}) label->setWordWrap(true);
  folders_title_ = makeLabel(FontRole::kPaneHead, Token::kText, right, tr("Largest folders"));
  suggestions_ = new QWidget(right);
  suggestions_->setObjectName(QStringLiteral("planSuggestions"));
  folder_rows_ = new QVBoxLayout(suggestions_);
  folder_rows_->setContentsMargins(0, 0, 0, 0);
  folder_rows_->setSpacing(2);

  start_ = makeButton(ButtonKind::kPrimary, QStringLiteral("play"), {}, right);
  start_->setObjectName(QStringLiteral("planStartButton"));
  connect(start_, &QPushButton::clicked, this, &IngestPlanPage::accept);
  auto* tonight = makeButton(ButtonKind::kPlain, QStringLiteral("moon"), tr("Read tonight"), right);
  tonight->setObjectName(QStringLiteral("planTonightButton"));
  tonight->setEnabled(false);
  tonight->setToolTip(tr("Reading at a set time comes later"));
  auto* cancel = makeButton(ButtonKind::kPlain, {}, tr("Cancel"), right);
  cancel->setObjectName(QStringLiteral("planCancelButton"));
  connect(cancel, &QPushButton::clicked, this, &IngestPlanPage::cancelled);

  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addWidget(start_);
  buttons->addWidget(tonight);
  buttons->addStretch();
  buttons->addWidget(cancel);
  auto* layout = new QVBoxLayout(right);
  layout->setContentsMargins(24, 24, 24, 20);
  layout->setSpacing(8);
  layout->addWidget(error_);
  layout->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, right,
                              tr("Context after this plan")));
  layout->addWidget(bar_);
  layout->addWidget(budget_);
  layout->addSpacing(12);
  layout->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, right, tr("Time to read")));
  layout->addWidget(eta_);
  layout->addWidget(disk_);
  layout->addWidget(skipped_);
  layout->addSpacing(12);
  layout->addWidget(folders_title_);
  layout->addWidget(suggestions_);
  layout->addStretch();
  layout->addWidget(makeLine(Qt::Horizontal, right));
  layout->addSpacing(6);
  layout->addLayout(buttons);
  return right;
}

bool IngestPlanPage::shows(const PlanValue& value) const {
  return value.files.size() == value_.files.size() && value.title == value_.title;
}

void IngestPlanPage::show(const PlanValue& value) {
  const bool first = !shows(value);
  value_ = value;
  error_->hide();
  title_->setText(tr("Plan for %1").arg(visibleText(value.title)));
  model_->setFiles(value.files);
  if (first) {
    tree_->expandToDepth(1);
    tree_->header()->resizeSection(IngestPlanModel::kTokens, theme().px(96));
    tree_->header()->resizeSection(IngestPlanModel::kLevel, theme().px(96));
    tree_->header()->resizeSection(IngestPlanModel::kReason, theme().px(180));
    filter_->clear();
  }
  updateCost();
}

QString IngestPlanPage::etaWords(std::int64_t tokens) const {
  if (value_.tok_s_high <= 0) return tr("not known yet");
  const double n = static_cast<double>(tokens);
  const QString range = rangeWords(n / value_.tok_s_high, n / value_.tok_s_low);
  return value_.first_run ? tr("%1, first run, rough").arg(range) : range;
}

void IngestPlanPage::updateCost() {
  const std::int64_t room = value_.n_context_max - value_.n_reserved;
  const std::int64_t tokens = model_->checkedTokens();
  const std::int64_t excess = tokens - room;
  const int n_files = model_->checkedFiles();
  bar_->setValue(tokens + value_.n_reserved, value_.n_context_max,
                 excess > 0 ? Token::kDanger : Token::kAccent);
  budget_->setText(excess > 0
                       ? tr("%1 of %2 tokens: over by %3")
                             .arg(exactCount(tokens + value_.n_reserved),
                                  exactCount(value_.n_context_max), exactCount(excess))
                       : tr("%1 of %2 tokens, %3 stay free for questions")
                             .arg(exactCount(tokens + value_.n_reserved),
                                  exactCount(value_.n_context_max), exactCount(-excess)));
  setInk(budget_, excess > 0 ? Token::kDanger : Token::kText2);
  eta_->setText(etaWords(tokens));
  disk_->setText(value_.snapshot_bytes_per_token > 0
                     ? tr("%1 on disk for the snapshot")
                           .arg(byteWords(static_cast<std::int64_t>(
                               static_cast<double>(tokens) * value_.snapshot_bytes_per_token)))
                     : QString());
  disk_->setVisible(!disk_->text().isEmpty());
  const int n_skipped = model_->skippedFiles();
  skipped_->setText(n_skipped > 0
                        ? counted(n_skipped, tr("1 file skipped, with its reason in the list"),
                                  tr("%1 files skipped, each with its reason in the list"))
                        : tr("No file is skipped"));
  summary_->setText(value_.counting
                        ? tr("Counting tokens\u2026 nothing is read into the context yet.")
                        : tr("%1, %2 tokens. Nothing is read into the context yet.",
                             "files, tokens")
                              .arg(counted(n_files, tr("1 file"), tr("%1 files")),
                                   exactCount(tokens)));
  start_->setText(excess > 0 ? tr("Over by %1 tokens").arg(roundCount(excess))
                             : counted(n_files, tr("Read 1 file"), tr("Read %1 files")));
  start_->setAccessibleName(start_->text());
  start_->setEnabled(excess <= 0 && n_files > 0 && !value_.counting);
  start_->setToolTip(value_.counting ? tr("Tokens are still being counted")
                     : n_files == 0  ? tr("No file is ticked")
                                     : QString());
  updateFolders(excess);
}

void IngestPlanPage::updateFolders(std::int64_t excess) {
  while (QLayoutItem* item = folder_rows_->takeAt(0)) {
    // Later, because a click on one of these buttons leads here.
    item->widget()->hide();
    item->widget()->deleteLater();
    delete item;
  }
  const std::vector<IngestPlanModel::Folder> folders = model_->largestFolders(kFoldersShown);
  folders_title_->setText(excess > 0 ? tr("What outlines and leaving out save") : tr("Largest folders"));
  folders_title_->setVisible(!folders.empty());
  for (const IngestPlanModel::Folder& folder : folders) {
    if (folder.tokens == 0) continue;
    auto* row = new QWidget(suggestions_);
    auto* name = new ElidedLabel(FontRole::kInterface, Token::kText, Qt::ElideMiddle, row);
    name->setFullText(visibleText(folder.path));
    QPushButton* outline = nullptr;
    if (folder.outline_saves > 0) {
      outline = makeButton(ButtonKind::kLink, {}, tr("Outline"), row);
      const QString saves = tr("saves %1 tokens").arg(exactCount(folder.outline_saves));
      outline->setToolTip(tr("Declarations and headings only: %1").arg(saves));
      outline->setAccessibleName(
          tr("Outline of %1, %2").arg(visibleText(folder.path), saves));
      connect(outline, &QPushButton::clicked, this, [this, path = folder.path] {
        model_->setLevel(path, base::DetailLevel::kOutline);
      });
    }
    auto* leave = makeButton(ButtonKind::kLink, {}, tr("Leave out"), row);
    leave->setAccessibleName(tr("Leave out %1").arg(visibleText(folder.path)));
    connect(leave, &QPushButton::clicked, this, [this, path = folder.path] {
      model_->setFolderChecked(path, false);
    });
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(12);
    layout->addWidget(name, 1);
    layout->addWidget(makeLabel(FontRole::kInterface, Token::kText2, row,
                                roundCount(folder.tokens)));
    if (outline) {
      layout->addWidget(outline);
      layout->addWidget(makeLabel(FontRole::kInterface, Token::kText3, row,
                                  QStringLiteral("\u2212") + roundCount(folder.outline_saves)));
    }
    layout->addWidget(leave);
    folder_rows_->addWidget(row);
  }
}

void IngestPlanPage::accept() {
  if (start_->isEnabled()) emit accepted(model_->selection());
}

}  // namespace ui
