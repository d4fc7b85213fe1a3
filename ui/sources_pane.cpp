#include "ui/sources_pane.h"

#include <QFrame>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QSortFilterProxyModel>
#include <QTreeView>
#include <QVBoxLayout>

#include "ui/icon.h"
#include "ui/label.h"
#include "ui/source_delegate.h"
#include "ui/source_model.h"
#include "ui/words.h"

namespace ui {
namespace {

// Folders of a small session are all open; a large one shows two levels.
constexpr int kOpenWholeFiles = 60;

}  // namespace

SourcesPane::SourcesPane(QWidget* parent)
    : QWidget(parent),
      model_(new SourceModel(this)),
      filtered_(new QSortFilterProxyModel(this)),
      tree_(new QTreeView(this)),
      filter_(new QLineEdit(this)),
      count_(makeLabel(FontRole::kInterface, Token::kText2, this)),
      changes_(new QFrame(this)) {
  setObjectName(QStringLiteral("sourcesPane"));
  setProperty("ground", "panel");
  setAttribute(Qt::WA_StyledBackground);
  filtered_->setSourceModel(model_);
  filtered_->setRecursiveFilteringEnabled(true);
  filtered_->setAutoAcceptChildRows(true);
  filtered_->setFilterCaseSensitivity(Qt::CaseInsensitive);

  auto* find = makeIconButton(QStringLiteral("search"), tr("Filter sources"), this);
  auto* add = makeIconButton(QStringLiteral("plus"), tr("Add a folder"), this);
  add->setObjectName(QStringLiteral("addSourceButton"));
  connect(find, &QToolButton::clicked, this, &SourcesPane::focusFilter);
  connect(add, &QToolButton::clicked, this, &SourcesPane::addRequested);

  filter_->setObjectName(QStringLiteral("sourcesFilter"));
  filter_->setAccessibleName(tr("Filter sources"));
  filter_->setPlaceholderText(tr("Filter sources"));
  filter_->setClearButtonEnabled(true);
  filter_->hide();
  connect(filter_, &QLineEdit::textChanged, this, [this](const QString& text) {
    filtered_->setFilterWildcard(text);
    if (!text.isEmpty()) tree_->expandAll();
  });

  tree_->setObjectName(QStringLiteral("sourcesTree"));
  tree_->setAccessibleName(tr("Sources"));
  tree_->setProperty("ground", "panel");
  tree_->setModel(filtered_);
  tree_->setItemDelegate(new SourceDelegate(tree_));
  tree_->setHeaderHidden(true);
  tree_->setUniformRowHeights(true);
  tree_->setIndentation(16);
  tree_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  tree_->setExpandsOnDoubleClick(true);
  connect(tree_, &QTreeView::clicked, this, &SourcesPane::open);
  // Enter on the keyboard; a click comes through clicked().
  connect(tree_, &QTreeView::activated, this, &SourcesPane::open);

  auto* head = new QHBoxLayout;
  head->setContentsMargins(24, 0, 8, 0);
  head->setSpacing(6);
  head->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, this, tr("Sources")));
  head->addWidget(count_);
  head->addStretch();
  head->addWidget(find);
  head->addWidget(add);
  auto* head_box = new QWidget(this);
  head_box->setMinimumHeight(36);
  head_box->setLayout(head);
  auto* filter_box = new QHBoxLayout;
  filter_box->setContentsMargins(12, 0, 12, 4);
  filter_box->addWidget(filter_);
  buildChangeCard();
  auto* card = new QHBoxLayout;
  card->setContentsMargins(12, 8, 12, 12);
  card->addWidget(changes_);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(head_box);
  layout->addWidget(makeLine(Qt::Horizontal, this));
  layout->addSpacing(6);
  layout->addLayout(filter_box);
  layout->addWidget(tree_, 1);
  layout->addLayout(card);
}

void SourcesPane::buildChangeCard() {
  changes_->setObjectName(QStringLiteral("changeCard"));
  changes_->setProperty("notice", "warn");
  changes_->hide();
  changes_title_ = makeLabel(FontRole::kPaneHead, Token::kText, changes_);
  auto* text = makeLabel(FontRole::kSmall, Token::kText, changes_,
                         tr("Quotes are still proven for the text that was read."));
  text->setWordWrap(true);
  auto* layout = new QVBoxLayout(changes_);
  layout->setContentsMargins(14, 12, 14, 12);
  layout->setSpacing(4);
  layout->addWidget(changes_title_);
  layout->addWidget(text);
}

void SourcesPane::setFiles(const std::vector<SourceFile>& files) {
  filter_->clear();
  model_->setFiles(files);
  if (model_->fileCount() <= kOpenWholeFiles) tree_->expandAll();
  else tree_->expandToDepth(0);
  updateHead();
}

void SourcesPane::updateHead() {
  count_->setText(counted(model_->fileCount(), tr("1 file"), tr("%1 files")));
  const int n_changed = model_->changedFiles();
  changes_title_->setText(
      counted(n_changed, tr("1 file changed on disk"), tr("%1 files changed on disk")));
  changes_->setVisible(n_changed > 0);
}

void SourcesPane::markPath(const QString& path) {
  const QModelIndex index = filtered_->mapFromSource(model_->indexOf(path));
  if (!index.isValid()) return;
  tree_->setCurrentIndex(index);
  tree_->scrollTo(index);
}

void SourcesPane::focusFilter() {
  filter_->show();
  filter_->setFocus(Qt::ShortcutFocusReason);
}

void SourcesPane::open(const QModelIndex& index) {
  const QString path = index.data(SourceModel::kPathRole).toString();
  if (!path.isEmpty()) emit documentRequested(path);
}

}  // namespace ui
