#include "ui/sessions_page.h"

#include <QActionGroup>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>

#include "ui/error_card.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/session_delegate.h"
#include "ui/session_detail.h"
#include "ui/session_model.h"
#include "ui/space_bar.h"
#include "ui/transfer_panel.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kDetailDelay_ms = 60, kScrollBar = 14;
// Below these widths of the table, at 100 % text, a column gives way to the titles.
constexpr int kTokensFrom = 700, kSnapshotFrom = 580;
constexpr int kFilterWordsFrom = 640;

QString menuText(const QString& name) {
  return visibleText(name).replace(QLatin1Char('&'), QLatin1String("&&"));
}

}  // namespace

SessionsPage::SessionsPage(QWidget* parent) : QWidget(parent), model_(new SessionModel(this)) {
  setObjectName(QStringLiteral("sessionsPage"));
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildTable(), 65);
  layout->addWidget(makeLine(Qt::Vertical, this));
  layout->addWidget(buildSide(), 35);
  connectDetail();
  detail_delay_.setSingleShot(true);
  detail_delay_.setInterval(kDetailDelay_ms);
  connect(&detail_delay_, &QTimer::timeout, this, [this] {
    if (selected()) emit detailRequested(selected());
  });
  setRows({});
}

QWidget* SessionsPage::buildHead() {
  auto* head = new QWidget(this);
  words_ = new QLineEdit(head);
  words_->setObjectName(QStringLiteral("sessionSearch"));
  words_->setAccessibleName(tr("Search sessions"));
  words_->setPlaceholderText(tr("Search titles, questions, answers"));
  words_->setClearButtonEnabled(true);
  words_->addAction(icon(QStringLiteral("search")), QLineEdit::LeadingPosition)
      ->setText(tr("Search"));
  for (QToolButton* button : words_->findChildren<QToolButton*>())
    if (button->text().isEmpty()) button->setAccessibleName(tr("Clear the search"));
  words_->setMinimumWidth(theme().px(170));
  words_->setMaximumWidth(theme().px(300));
  words_->installEventFilter(this);
  connect(words_, &QLineEdit::textChanged, this, &SessionsPage::search);
  count_ = new ElidedLabel(FontRole::kInterface, Token::kText2, Qt::ElideRight, head);
  count_->setObjectName(QStringLiteral("sessionCount"));
  filter_ = makeButton(ButtonKind::kPlain, QStringLiteral("folder"), {}, head);
  filter_->setObjectName(QStringLiteral("workspaceFilter"));
  filter_menu_ = new QMenu(this);
  filter_menu_->setObjectName(QStringLiteral("workspaceMenu"));
  connect(filter_, &QPushButton::clicked, this, [this] {
    filter_menu_->popup(filter_->mapToGlobal(QPoint(0, filter_->height())));
  });
  auto* import = makeIconButton(QStringLiteral("download"), tr("Import a session"), head);
  import->setObjectName(QStringLiteral("importButton"));
  connect(import, &QToolButton::clicked, this, &SessionsPage::importRequested);
  auto* fresh = makeButton(ButtonKind::kPrimary, QStringLiteral("plus"), tr("New session"), head);
  fresh->setObjectName(QStringLiteral("newSessionButton"));
  connect(fresh, &QPushButton::clicked, this, &SessionsPage::newSessionRequested);
  auto* layout = new QHBoxLayout(head);
  layout->setContentsMargins(24, 14, 24, 14);
  layout->setSpacing(12);
  layout->addWidget(words_, 2);
  layout->addWidget(count_, 1);
  layout->addWidget(filter_);
  layout->addWidget(import);
  layout->addWidget(fresh);
  return head;
}

QWidget* SessionsPage::buildTable() {
  auto* box = new QWidget(this);
  box->setProperty("ground", "surface");
  box->setAttribute(Qt::WA_StyledBackground);
  table_ = new QTreeView(box);
  table_->setObjectName(QStringLiteral("sessionTable"));
  table_->setAccessibleName(tr("Sessions"));
  table_->setModel(model_);
  table_->setItemDelegate(new SessionDelegate(table_));
  table_->setRootIsDecorated(false);
  table_->setIndentation(0);
  table_->setItemsExpandable(false);
  table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  table_->installEventFilter(this);
  QHeaderView* header = table_->header();
  header->setStretchLastSection(false);
  header->setSectionsMovable(false);
  header->setMinimumSectionSize(40);
  header->setSectionResizeMode(QHeaderView::Fixed);
  header->setSectionResizeMode(SessionModel::kSession, QHeaderView::Stretch);
  connect(table_->selectionModel(), &QItemSelectionModel::currentChanged, this,
          &SessionsPage::updateDetail);
  connect(model_, &QAbstractItemModel::rowsInserted, this,
          [this](const QModelIndex& parent, int first, int last) {
            if (!parent.isValid()) expandGroups(first, last);
          });
  connect(&theme(), &Theme::changed, this, &SessionsPage::fitColumns);

  empty_ = makeLabel(FontRole::kReading, Token::kText2, box);
  empty_->setObjectName(QStringLiteral("sessionsEmpty"));
  empty_->setAlignment(Qt::AlignHCenter);
  empty_->setWordWrap(true);
  error_ = new ErrorCard(box);
  error_->setObjectName(QStringLiteral("sessionsErrorCard"));
  error_->hide();
  transfer_ = new TransferPanel(box);
  auto* cards = new QVBoxLayout;
  cards->setContentsMargins(24, 0, 24, 0);
  cards->addWidget(error_);
  cards->addWidget(transfer_);
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildHead());
  layout->addWidget(makeLine(Qt::Horizontal, box));
  layout->addLayout(cards);
  layout->addWidget(table_, 1);
  layout->addSpacing(24);
  layout->addWidget(empty_);
  layout->addStretch();
  box->installEventFilter(this);
  return box;
}

QWidget* SessionsPage::buildSide() {
  auto* side = new QWidget(this);
  side->setProperty("ground", "panel");
  side->setAttribute(Qt::WA_StyledBackground);
  detail_ = new SessionDetail(side);
  detail_->setProperty("ground", "panel");
  scroll_ = new QScrollArea(side);
  scroll_->setObjectName(QStringLiteral("sessionScroll"));
  scroll_->setWidgetResizable(true);
  scroll_->setFrameShape(QFrame::NoFrame);
  scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  scroll_->setFocusPolicy(Qt::NoFocus);
  scroll_->setWidget(detail_);
  detail_->installEventFilter(this);
  space_ = new SpacePane(side);
  auto* layout = new QVBoxLayout(side);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(scroll_, 1);
  layout->addWidget(makeLine(Qt::Horizontal, side));
  layout->addWidget(space_);
  return side;
}

void SessionsPage::connectDetail() {
  const auto pass = [this](auto from, auto to) { connect(detail_, from, this, to); };
  pass(&SessionDetail::sessionRequested, &SessionsPage::sessionRequested);
  pass(&SessionDetail::readingRequested, &SessionsPage::readingRequested);
  pass(&SessionDetail::renameRequested, &SessionsPage::renameRequested);
  pass(&SessionDetail::pinRequested, &SessionsPage::pinRequested);
  pass(&SessionDetail::archiveRequested, &SessionsPage::archiveRequested);
  pass(&SessionDetail::moveRequested, &SessionsPage::moveRequested);
  pass(&SessionDetail::deleteRequested, &SessionsPage::deleteRequested);
  pass(&SessionDetail::exportRequested, &SessionsPage::exportRequested);
  pass(&SessionDetail::matchRequested, &SessionsPage::matchRequested);
  pass(&SessionDetail::branchRequested, &SessionsPage::branchRequested);
  pass(&SessionDetail::switchRequested, &SessionsPage::switchRequested);
  pass(&SessionDetail::rewindRequested, &SessionsPage::rewindRequested);
  pass(&SessionDetail::removeBranchRequested, &SessionsPage::removeBranchRequested);
  connect(detail_, &SessionDetail::edited, table_, qOverload<>(&QWidget::setFocus));
  connect(table_, &QTreeView::doubleClicked, detail_, &SessionDetail::resume);
  connect(transfer_, &TransferPanel::openRequested, this, &SessionsPage::sessionRequested);
}

// --- what is shown -------------------------------------------------------------------------------

void SessionsPage::setRows(const std::vector<SessionRow>& rows) {
  const base::SessionId kept = selected();
  model_->setRows(rows, QDateTime::currentDateTime());
  buildFilterMenu();
  refresh(kept);
}

void SessionsPage::setWorkspaces(const std::vector<WorkspaceValue>& workspaces) {
  workspaces_ = workspaces;
  detail_->setWorkspaces(workspaces);
  buildFilterMenu();
}

void SessionsPage::setSpace(const SpaceValue& value) { space_->setValue(value); }

void SessionsPage::setBranches(const BranchesValue& value) { detail_->setBranches(value); }

// After a reset of the model.
void SessionsPage::refresh(base::SessionId kept) {
  expandGroups(0, model_->rowCount() - 1);
  updateCount();
  select(kept);
  updateDetail();
}

// One by one: to expand all would fetch all.
void SessionsPage::expandGroups(int first, int last) {
  for (int group = first; group <= last; ++group) table_->expand(model_->index(group, 0));
}

void SessionsPage::select(base::SessionId id) {
  const QModelIndex found = id ? model_->indexOf(id) : QModelIndex();
  table_->setCurrentIndex(found.isValid() ? found : model_->firstSession());
}

void SessionsPage::search() {
  search_.words = words_->text();
  const base::SessionId kept = selected();
  model_->setSearch(search_);
  emit searchRequested(search_);
  refresh(kept);
}

void SessionsPage::setHits(const SessionSearch& search, const std::vector<SearchHitValue>& hits) {
  if (!(search == search_)) return;
  const base::SessionId kept = selected();
  model_->setHits(hits);
  refresh(kept);
}

void SessionsPage::buildFilterMenu() {
  filter_menu_->clear();
  delete filter_menu_->findChild<QActionGroup*>();
  auto* group = new QActionGroup(filter_menu_);
  QString shown = tr("All workspaces");
  const auto add = [&](base::WorkspaceId id, const QString& words) {
    QAction* action = filter_menu_->addAction(words);
    action->setActionGroup(group);
    action->setCheckable(true);
    action->setChecked(search_.workspace == id);
    if (action->isChecked()) shown = words;
    connect(action, &QAction::triggered, this, [this, id] {
      search_.workspace = id;
      search();
      buildFilterMenu();
    });
  };
  add({}, tr("All workspaces"));
  for (const WorkspaceValue& workspace : workspaces_) add(workspace.id, menuText(workspace.name));
  filter_menu_->addSeparator();
  QAction* archived = filter_menu_->addAction(tr("Show archived (%1)").arg(
      model_->archivedCount()));
  archived->setObjectName(QStringLiteral("showArchivedAction"));
  archived->setCheckable(true);
  archived->setChecked(search_.with_archived);
  connect(archived, &QAction::toggled, this, [this](bool on) {
    search_.with_archived = on;
    search();
    buildFilterMenu();
  });
  constexpr int kNameShown = 24;
  if (shown.size() > kNameShown) shown = shown.left(kNameShown - 1) + QChar(u'\u2026');
  filter_words_ = search_.with_archived ? tr("%1, archived too", "workspace").arg(shown) : shown;
  fitColumns();
}

void SessionsPage::updateCount() {
  const int n_shown = model_->shownCount();
  const bool searching = !search_.words.trimmed().isEmpty();
  const QString sessions = searching
                               ? counted(n_shown, tr("1 session matches"), tr("%1 sessions match"))
                               : counted(n_shown, tr("1 session"), tr("%1 sessions"));
  const int n_hits = model_->hitCount();
  count_->setFullText(
      searching && n_hits > 0
          ? tr("%1, %2", "sessions, passages")
                .arg(sessions, counted(n_hits, tr("1 passage"), tr("%1 passages")))
          : sessions);
  table_->setVisible(n_shown > 0);
  empty_->setVisible(n_shown == 0);
  const bool narrowed = searching || search_.workspace;
  empty_->setText(narrowed                  ? tr("No session matches.")
                  : model_->sessionCount() ? tr("All sessions are in the archive.")
                                           : tr("No session yet. Open a folder or PDFs to begin "
                                                "one, or import a session."));
}

const SessionRow* SessionsPage::selectedRow() const {
  return table_ ? model_->row(table_->currentIndex()) : nullptr;
}

base::SessionId SessionsPage::selected() const {
  const SessionRow* row = selectedRow();
  return row ? row->id : base::SessionId{};
}

QString SessionsPage::titleOf(base::SessionId id) const {
  const QModelIndex index = model_->indexOf(id);
  return index.isValid() ? model_->row(index)->title : QString();
}

void SessionsPage::updateDetail() {
  const SessionRow* row = selectedRow();
  detail_->setRow(row);
  detail_->setHits(search_.words.trimmed(),
                   row ? model_->hitsIn(row->id) : std::vector<SearchHitValue>());
  if (row) detail_delay_.start();
  else detail_delay_.stop();
}

void SessionsPage::rename() { detail_->rename(); }
void SessionsPage::togglePinned() { detail_->togglePinned(); }
void SessionsPage::exportText() { detail_->exportText(); }

// --- room and keys -------------------------------------------------------------------------------

void SessionsPage::fitColumns() {
  QHeaderView* header = table_->header();
  const int widths[] = {0, 92, 88, 104, 84, 104};
  for (int column = 1; column < SessionModel::kColumnCount; ++column)
    header->resizeSection(column, theme().px(widths[column]));
  const double room = table_->parentWidget()->width() / theme().textScale();
  table_->setColumnHidden(SessionModel::kTokens, room < kTokensFrom);
  table_->setColumnHidden(SessionModel::kSnapshot, room < kSnapshotFrom);
  const QString plain = QString(filter_words_).replace(QLatin1String("&&"), QLatin1String("&"));
  filter_->setText(room < kFilterWordsFrom ? QString() : filter_words_);
  filter_->setAccessibleName(tr("Workspace filter: %1").arg(plain));
  filter_->setToolTip(tooltipText(filter_->accessibleName()));
}

bool SessionsPage::eventFilter(QObject* watched, QEvent* event) {
  // The buttons of a session are never cut off, whatever they say.
  if (watched == detail_ && event->type() == QEvent::LayoutRequest)
    scroll_->setMinimumWidth(detail_->minimumSizeHint().width() + kScrollBar);
  if (watched == table_->parentWidget() && event->type() == QEvent::Resize) fitColumns();
  if (event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
  if (watched == table_ && enter) {
    detail_->resume();
    return true;
  }
  if (watched == table_ && key->key() == Qt::Key_Delete) {
    detail_->askToDelete();
    return true;
  }
  if (watched == words_ && key->key() == Qt::Key_Down) {
    table_->setFocus();
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace ui
