#include "ui/sessions_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTreeView>
#include <QVBoxLayout>

#include "ui/error_card.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/session_delegate.h"
#include "ui/session_filter.h"
#include "ui/session_model.h"
#include "ui/words.h"

namespace ui {
namespace {

// The first few places, one a paragraph, the words in bold. What was said is data: controls in it
// are shown, not obeyed.
QString hitWords(const QStringList& snippets) {
  constexpr int kShownMax = 4;
  QString words;
  for (const QString& snippet : snippets.first(std::min<qsizetype>(snippets.size(), kShownMax))) {
    QString line;
    for (const QString& piece : snippet.split(QChar(0x2068))) {
      const QStringList halves = piece.split(QChar(0x2069));
      const QString first = visibleText(halves.first()).toHtmlEscaped();
      line += halves.size() < 2 ? first
                                : QLatin1String("<b>") + first + QLatin1String("</b>") +
                                      visibleText(halves[1]).toHtmlEscaped();
    }
    words += QLatin1String("<p>") + line + QLatin1String("</p>");
  }
  return words;
}

}  // namespace

SessionsPage::SessionsPage(QWidget* parent)
    : QWidget(parent),
      model_(new SessionModel(this)),
      filtered_(new SessionFilter(this)) {
  setObjectName(QStringLiteral("sessionsPage"));
  filtered_->setSourceModel(model_);
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildTable(), 65);
  layout->addWidget(makeLine(Qt::Vertical, this));
  layout->addWidget(buildDetail(), 35);
  setRows({});
}

QWidget* SessionsPage::buildTable() {
  auto* box = new QWidget(this);
  box->setProperty("ground", "surface");
  box->setAttribute(Qt::WA_StyledBackground);
  search_ = new QLineEdit(box);
  search_->setObjectName(QStringLiteral("sessionSearch"));
  search_->setAccessibleName(tr("Search sessions"));
  search_->setPlaceholderText(tr("Search titles, questions, answers"));
  search_->setClearButtonEnabled(true);
  search_->addAction(icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
  search_->setMinimumWidth(theme().px(220));
  search_->setMaximumWidth(theme().px(300));
  connect(search_, &QLineEdit::textChanged, this, &SessionsPage::filter);
  count_ = makeLabel(FontRole::kInterface, Token::kText2, box);
  auto* fresh = makeButton(ButtonKind::kPrimary, QStringLiteral("plus"), tr("New session"), box);
  fresh->setObjectName(QStringLiteral("newSessionButton"));
  connect(fresh, &QPushButton::clicked, this, &SessionsPage::newSessionRequested);

  table_ = new QTreeView(box);
  table_->setObjectName(QStringLiteral("sessionTable"));
  table_->setAccessibleName(tr("Sessions"));
  table_->setModel(filtered_);
  table_->setItemDelegate(new SessionDelegate(table_));
  table_->setRootIsDecorated(false);
  table_->setIndentation(0);
  table_->setItemsExpandable(false);
  table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  table_->installEventFilter(this);
  QHeaderView* header = table_->header();
  header->setStretchLastSection(false);
  header->setSectionsMovable(false);
  header->setMinimumSectionSize(40);
  header->setSectionResizeMode(QHeaderView::Fixed);
  header->setSectionResizeMode(SessionModel::kSession, QHeaderView::Stretch);
  const int widths[] = {0, 92, 88, 104, 84, 100};
  for (int column = 1; column < SessionModel::kColumnCount; ++column)
    header->resizeSection(column, theme().px(widths[column]));
  connect(table_->selectionModel(), &QItemSelectionModel::currentChanged, this,
          &SessionsPage::updateDetail);
  connect(table_, &QTreeView::doubleClicked, this, &SessionsPage::resume);

  empty_ = makeLabel(FontRole::kReading, Token::kText2, box);
  empty_->setAlignment(Qt::AlignHCenter);
  error_ = new ErrorCard(box);
  error_->setObjectName(QStringLiteral("sessionsErrorCard"));
  error_->hide();
  auto* head = new QHBoxLayout;
  head->setContentsMargins(24, 14, 24, 14);
  head->setSpacing(14);
  head->addWidget(search_);
  head->addWidget(count_);
  head->addStretch();
  head->addWidget(fresh);
  auto* card = new QHBoxLayout;
  card->setContentsMargins(24, 0, 24, 0);
  card->addWidget(error_);
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addLayout(head);
  layout->addWidget(makeLine(Qt::Horizontal, box));
  layout->addLayout(card);
  layout->addSpacing(1);
  layout->addWidget(table_, 1);
  layout->addWidget(empty_);
  layout->addStretch();
  return box;
}

QWidget* SessionsPage::buildDetail() {
  auto* side = new QWidget(this);
  side->setProperty("ground", "panel");
  side->setAttribute(Qt::WA_StyledBackground);
  side->setMinimumWidth(theme().px(280));
  detail_ = new QWidget(side);
  detail_->setObjectName(QStringLiteral("sessionDetail"));
  title_ = makeLabel(FontRole::kTitle, Token::kText, detail_);
  title_->setWordWrap(true);
  title_edit_ = new QLineEdit(detail_);
  title_edit_->setObjectName(QStringLiteral("sessionTitleEdit"));
  title_edit_->setAccessibleName(tr("Session title"));
  title_edit_->hide();
  title_edit_->installEventFilter(this);
  connect(title_edit_, &QLineEdit::returnPressed, this, [this] {
    const QString title = title_edit_->text().trimmed();
    const base::SessionId id = selected();
    title_edit_->hide();
    title_->show();
    table_->setFocus();
    if (!title.isEmpty() && id) emit renameRequested(id, title);
  });
  subtitle_ = makeLabel(FontRole::kInterface, Token::kText2, detail_);
  subtitle_->setWordWrap(true);
  resume_ = makeButton(ButtonKind::kPrimary, QStringLiteral("play"), tr("Resume"), detail_);
  resume_->setObjectName(QStringLiteral("resumeButton"));
  connect(resume_, &QPushButton::clicked, this, &SessionsPage::resume);
  rename_ = makeButton(ButtonKind::kPlain, QStringLiteral("edit"), tr("Rename"), detail_);
  rename_->setObjectName(QStringLiteral("renameButton"));
  connect(rename_, &QPushButton::clicked, this, &SessionsPage::rename);
  delete_ = makeButton(ButtonKind::kPlain, QStringLiteral("trash"), tr("Delete"), detail_);
  delete_->setObjectName(QStringLiteral("deleteButton"));
  connect(delete_, &QPushButton::clicked, this, [this] { askToDelete(true); });
  pin_ = makeButton(ButtonKind::kPlain, QStringLiteral("pin"), tr("Pin"), detail_);
  pin_->setObjectName(QStringLiteral("pinButton"));
  pin_->setToolTip(tr("The snapshot of a pinned session is never given up for room"));
  connect(pin_, &QPushButton::clicked, this, [this] {
    if (const SessionRow* row = selectedRow()) emit pinRequested(row->id, !row->pinned);
  });
  resume_note_ = makeLabel(FontRole::kInterface, Token::kText2, detail_);
  resume_note_->setWordWrap(true);
  facts_ = makeLabel(FontRole::kInterface, Token::kText, detail_);
  facts_->setWordWrap(true);

  found_ = makeLabel(FontRole::kReading, Token::kText, detail_);
  found_->setObjectName(QStringLiteral("sessionHits"));
  found_->setTextFormat(Qt::RichText);
  found_->setWordWrap(true);

  auto* confirm = new QFrame(detail_);
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
    const base::SessionId id = selected();
    askToDelete(false);
    if (id) emit deleteRequested(id);
  });
  connect(keep_, &QPushButton::clicked, this, [this] { askToDelete(false); });
  auto* confirm_buttons = new QHBoxLayout;
  confirm_buttons->setSpacing(8);
  confirm_buttons->addWidget(erase);
  confirm_buttons->addWidget(keep_);
  confirm_buttons->addStretch();
  auto* confirm_layout = new QVBoxLayout(confirm);
  confirm_layout->setContentsMargins(14, 12, 14, 12);
  confirm_layout->setSpacing(8);
  confirm_layout->addWidget(sentence);
  confirm_layout->addLayout(confirm_buttons);
  confirm_ = confirm;
  confirm_->hide();

  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addWidget(rename_);
  buttons->addWidget(pin_);
  buttons->addWidget(delete_);
  buttons->addStretch();
  auto* layout = new QVBoxLayout(detail_);
  layout->setContentsMargins(24, 18, 24, 18);
  layout->setSpacing(8);
  layout->addWidget(title_);
  layout->addWidget(title_edit_);
  layout->addWidget(subtitle_);
  layout->addSpacing(4);
  layout->addWidget(resume_, 0, Qt::AlignLeft);
  layout->addLayout(buttons);
  layout->addWidget(confirm_);
  layout->addWidget(resume_note_);
  layout->addSpacing(6);
  layout->addWidget(makeLine(Qt::Horizontal, detail_));
  layout->addSpacing(6);
  layout->addWidget(facts_);
  layout->addSpacing(6);
  layout->addWidget(found_);
  auto* side_layout = new QVBoxLayout(side);
  side_layout->setContentsMargins(0, 0, 0, 0);
  side_layout->addWidget(detail_);
  side_layout->addStretch();
  return side;
}

void SessionsPage::setRows(const std::vector<SessionRow>& rows) {
  const base::SessionId kept = selected();
  error_->hide();
  model_->setRows(rows, QDateTime::currentDateTime());
  table_->expandAll();
  for (int group = 0; group < filtered_->rowCount(); ++group)
    table_->setFirstColumnSpanned(group, {}, false);
  select(kept);
  updateCount();
  updateDetail();
}

void SessionsPage::select(base::SessionId id) {
  QModelIndex first;
  for (int group = 0; group < filtered_->rowCount(); ++group) {
    const QModelIndex parent = filtered_->index(group, 0);
    for (int row = 0; row < filtered_->rowCount(parent); ++row) {
      const QModelIndex index = filtered_->index(row, 0, parent);
      if (!first.isValid()) first = index;
      if (id && index.data(SessionModel::kIdRole).toLongLong() == id.value) {
        table_->setCurrentIndex(index);
        return;
      }
    }
  }
  table_->setCurrentIndex(first);
}

void SessionsPage::filter(const QString& text) {
  const base::SessionId kept = selected();
  filtered_->setWords(text);
  emit searchRequested(text);
  table_->expandAll();
  select(kept);
  updateCount();
  updateDetail();
}

void SessionsPage::setHits(const QString& words, const std::vector<SearchHitValue>& hits) {
  if (words != search_->text()) return;
  const base::SessionId kept = selected();
  filtered_->setHits(hits);
  table_->expandAll();
  select(kept);
  updateCount();
  updateDetail();
}

void SessionsPage::updateCount() {
  int n_shown = 0;
  for (int group = 0; group < filtered_->rowCount(); ++group)
    n_shown += filtered_->rowCount(filtered_->index(group, 0));
  const bool searching = !search_->text().isEmpty();
  count_->setText(searching     ? tr("%1 of %2 match", "sessions").arg(n_shown).arg(
                                      model_->sessionCount())
                  : n_shown == 1 ? tr("1 session")
                                 : tr("%1 sessions").arg(n_shown));
  table_->setVisible(n_shown > 0);
  empty_->setVisible(n_shown == 0);
  empty_->setText(searching ? tr("No session matches.")
                            : tr("No session yet. Open a folder or PDFs to begin one."));
}

const SessionRow* SessionsPage::selectedRow() const {
  return table_ ? model_->row(filtered_->mapToSource(table_->currentIndex())) : nullptr;
}

base::SessionId SessionsPage::selected() const {
  const SessionRow* row = selectedRow();
  return row ? row->id : base::SessionId{};
}

void SessionsPage::updateDetail() {
  askToDelete(false);
  title_edit_->hide();
  title_->show();
  const SessionRow* row = selectedRow();
  detail_->setVisible(row != nullptr);
  if (!row) return;
  title_->setText(visibleText(row->title));
  const QString sources = row->n_sources == 1 ? tr("1 source")
                                              : tr("%1 sources").arg(row->n_sources);
  subtitle_->setText(row->workspace.isEmpty()
                         ? sources
                         : tr("%1 \u00B7 %2", "workspace, sources")
                               .arg(visibleText(row->workspace), sources));
  const bool instant = row->resume_from == ResumeFrom::kSnapshot;
  resume_->setText(row->resume_s > 0 && instant ? tr("Resume in %1").arg(resumeWords(*row))
                                                : tr("Resume"));
  resume_->setAccessibleName(resume_->text());
  switch (row->resume_from) {
    case ResumeFrom::kSnapshot: resume_note_->clear(); break;
    case ResumeFrom::kReadAgain:
      resume_note_->setText(tr("The text opens at once. The context is read again before the next "
                               "answer."));
      break;
    case ResumeFrom::kOtherModel:
      resume_note_->setText(tr("The snapshot belongs to another model. The text opens at once, the "
                               "context is read again."));
      break;
    case ResumeFrom::kDamaged:
      resume_note_->setText(tr("The snapshot is damaged and is not used. The text opens at once, "
                               "the context is read again."));
      break;
  }
  resume_note_->setVisible(!resume_note_->text().isEmpty());
  if (row->unfinished) resume_->setText(tr("Continue reading"));
  resume_->setAccessibleName(resume_->text());
  pin_->setText(row->pinned ? tr("Unpin") : tr("Pin"));
  found_->setText(hitWords(filtered_->hitsIn(row->id)));
  found_->setVisible(!found_->text().isEmpty());
  const QString questions = row->n_questions == 1 ? tr("1 question")
                                                  : tr("%1 questions").arg(row->n_questions);
  const QString snapshot = row->snapshot_bytes > 0
                               ? tr("Snapshot of %1").arg(byteWords(row->snapshot_bytes))
                               : tr("No snapshot");
  facts_->setText(tr("%1\n%2 tokens in the context\n%3", "questions, tokens, snapshot")
                      .arg(questions, exactCount(row->tokens), snapshot));
}

void SessionsPage::askToDelete(bool ask) {
  confirm_->setVisible(ask);
  delete_->setEnabled(!ask);
  if (ask) keep_->setFocus();
}

void SessionsPage::resume() {
  const SessionRow* row = selectedRow();
  if (!row) return;
  if (row->unfinished)
    emit readingRequested(row->id);
  else
    emit sessionRequested(row->id);
}

void SessionsPage::rename() {
  const SessionRow* row = selectedRow();
  if (!row) return;
  title_edit_->setText(row->title);
  title_->hide();
  title_edit_->show();
  title_edit_->setFocus();
  title_edit_->selectAll();
}

bool SessionsPage::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() != QEvent::KeyPress && event->type() != QEvent::ShortcutOverride)
    return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  const bool press = event->type() == QEvent::KeyPress;
  if (watched == table_ && press &&
      (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter)) {
    resume();
    return true;
  }
  if (watched == table_ && press && key->key() == Qt::Key_Delete) {
    if (selectedRow()) askToDelete(true);
    return true;
  }
  if (watched == title_edit_ && key->key() == Qt::Key_Escape) {
    event->accept();
    if (press) updateDetail();
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace ui
