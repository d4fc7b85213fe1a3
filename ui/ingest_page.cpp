#include "ui/ingest_page.h"

#include <algorithm>

#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QScrollBar>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QVBoxLayout>

#include "ui/budget_bar.h"
#include "ui/error_card.h"
#include "ui/icon.h"
#include "ui/ingest_delegate.h"
#include "ui/ingest_file_model.h"
#include "ui/label.h"
#include "ui/receipt_delegate.h"
#include "ui/receipt_model.h"
#include "ui/speed_chart.h"
#include "ui/words.h"

namespace ui {
namespace {

// One tick per 32 blocks of a large context, fewer tokens apart in a small one.
std::int64_t tickStep(std::int64_t n_context) {
  std::int64_t step = 65536;
  while (step > 2048 && n_context / step < 4) step /= 2;
  return step;
}

}  // namespace

IngestPage::IngestPage(QWidget* parent)
    : QWidget(parent),
      model_(new IngestFileModel(this)),
      filtered_(new QSortFilterProxyModel(this)),
      receipt_(new ReceiptModel(this)) {
  setObjectName(QStringLiteral("ingestPage"));
  setProperty("ground", "panel");
  setAttribute(Qt::WA_StyledBackground);
  filtered_->setSourceModel(model_);
  filtered_->setFilterCaseSensitivity(Qt::CaseInsensitive);
  auto* lower = new QHBoxLayout;
  lower->setSpacing(0);
  lower->addWidget(buildTable(), 3);
  lower->addWidget(makeLine(Qt::Vertical, this));
  lower->addWidget(buildSide(), 2);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildHead());
  layout->addWidget(makeLine(Qt::Horizontal, this));
  layout->addLayout(lower, 1);
}

QWidget* IngestPage::buildHead() {
  auto* head = new QWidget(this);
  title_ = makeLabel(FontRole::kTitle, Token::kText, head);
  subtitle_ = makeLabel(FontRole::kInterface, Token::kText2, head);
  subtitle_->setWordWrap(true);
  ask_ = makeButton(ButtonKind::kPlain, QStringLiteral("ask"), {}, head);
  ask_->setObjectName(QStringLiteral("ingestAskButton"));
  pause_ = makeButton(ButtonKind::kPrimary, QStringLiteral("pause"), {}, head);
  pause_->setObjectName(QStringLiteral("ingestPauseButton"));
  stop_ = makeButton(ButtonKind::kPlain, QStringLiteral("stop"), tr("Stop"), head);
  stop_->setObjectName(QStringLiteral("ingestStopButton"));
  connect(ask_, &QPushButton::clicked, this, &IngestPage::askRequested);
  connect(pause_, &QPushButton::clicked, this, &IngestPage::togglePause);
  connect(stop_, &QPushButton::clicked, this, &IngestPage::stop);
  bar_ = new BudgetBar(head);
  bar_->setObjectName(QStringLiteral("ingestBar"));
  error_ = new ErrorCard(head);
  error_->setObjectName(QStringLiteral("ingestErrorCard"));
  error_->hide();

  auto* words = new QVBoxLayout;
  words->setSpacing(2);
  words->addWidget(title_);
  words->addWidget(subtitle_);
  auto* top = new QHBoxLayout;
  top->setSpacing(8);
  top->addLayout(words, 1);
  top->addWidget(ask_, 0, Qt::AlignTop);
  top->addWidget(pause_, 0, Qt::AlignTop);
  top->addWidget(stop_, 0, Qt::AlignTop);
  auto* figures = new QHBoxLayout;
  figures->setSpacing(16);
  const auto role = FontRole::kTitle;
  figures->addWidget(buildFigure(&percent_, &percent_caption_, "ingestPercent", role), 1);
  figures->addWidget(buildFigure(&eta_, &eta_caption_, "ingestEta", role), 1);
  figures->addWidget(buildFigure(&rate_, &rate_caption_, "ingestRate", role), 1);
  figures->addWidget(buildFigure(&elapsed_, &elapsed_caption_, "ingestElapsed", role), 1);
  figures->addWidget(buildFigure(&safe_, &safe_caption_, "ingestSafe", role), 1);
  setInk(percent_, Token::kAccent);
  setInk(safe_, Token::kOk);
  auto* layout = new QVBoxLayout(head);
  layout->setContentsMargins(24, 22, 24, 16);
  layout->setSpacing(14);
  layout->addLayout(top);
  layout->addWidget(error_);
  layout->addWidget(bar_);
  layout->addLayout(figures);
  return head;
}

QWidget* IngestPage::buildFigure(QLabel** figure, QLabel** caption, const char* name,
                                 FontRole role) {
  auto* box = new QWidget(this);
  *figure = makeLabel(role, Token::kText, box);
  (*figure)->setObjectName(QLatin1String(name));
  *caption = makeLabel(FontRole::kInterface, Token::kText2, box);
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(*figure);
  layout->addWidget(*caption);
  return box;
}

QWidget* IngestPage::buildTable() {
  auto* box = new QWidget(this);
  box->setProperty("ground", "surface");
  box->setAttribute(Qt::WA_StyledBackground);
  filter_ = new QLineEdit(box);
  filter_->setObjectName(QStringLiteral("ingestFilter"));
  filter_->setAccessibleName(tr("Filter files"));
  filter_->setPlaceholderText(tr("Filter files"));
  filter_->addAction(icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
  filter_->setMaximumWidth(200);
  connect(filter_, &QLineEdit::textChanged, filtered_, &QSortFilterProxyModel::setFilterWildcard);

  table_ = new QTableView(box);
  table_->setObjectName(QStringLiteral("ingestTable"));
  table_->setAccessibleName(tr("Files in reading order"));
  table_->setModel(filtered_);
  table_->setItemDelegate(new IngestDelegate(table_));
  table_->setShowGrid(false);
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setDefaultSectionSize(theme().px(29));
  table_->setSelectionBehavior(QAbstractItemView::SelectRows);
  table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table_->setTabKeyNavigation(false);
  table_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  QHeaderView* header = table_->horizontalHeader();
  header->setSectionResizeMode(QHeaderView::Fixed);
  header->setSectionResizeMode(IngestFileModel::kFile, QHeaderView::Stretch);
  header->setHighlightSections(false);
  header->resizeSection(IngestFileModel::kTokens, theme().px(92));
  header->resizeSection(IngestFileModel::kPosition, theme().px(92));
  header->resizeSection(IngestFileModel::kState, theme().px(170));
  connect(table_->verticalScrollBar(), &QScrollBar::sliderPressed, this,
          [this] { follows_ = false; });

  total_ = makeLabel(FontRole::kInterface, Token::kText2, box);
  auto* head = new QHBoxLayout;
  head->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, box, tr("Files in reading order")));
  head->addStretch();
  head->addWidget(filter_);
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(16, 6, 16, 10);
  layout->setSpacing(6);
  layout->addLayout(head);
  layout->addWidget(table_, 1);
  layout->addWidget(total_);
  return box;
}

QWidget* IngestPage::buildSide() {
  auto* side = new QWidget(this);
  chart_ = new SpeedChart(side);
  receipt_list_ = new QListView(side);
  receipt_list_->setObjectName(QStringLiteral("receiptList"));
  receipt_list_->setAccessibleName(tr("Receipt"));
  receipt_list_->setProperty("ground", "panel");
  receipt_list_->setModel(receipt_);
  receipt_list_->setItemDelegate(new ReceiptDelegate(receipt_list_));
  receipt_list_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  receipt_list_->setMinimumHeight(90);

  auto* notice = new QFrame(side);
  notice->setProperty("notice", "ok");
  auto* notice_layout = new QVBoxLayout(notice);
  notice_layout->setContentsMargins(16, 12, 16, 12);
  notice_layout->setSpacing(2);
  notice_layout->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, notice,
                                     tr("You can close the lid or the app.")));
  QLabel* promise = makeLabel(FontRole::kInterface, Token::kText2, notice,
                              tr("Reading continues from the last checkpoint, never from zero."));
  promise->setWordWrap(true);
  notice_layout->addWidget(promise);

  const auto head = [side](const QString& title, const QString& note) {
    auto* row = new QHBoxLayout;
    row->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, side, title));
    row->addStretch();
    row->addWidget(makeLabel(FontRole::kSmall, Token::kText2, side, note));
    return row;
  };
  auto* layout = new QVBoxLayout(side);
  layout->setContentsMargins(24, 14, 24, 16);
  layout->setSpacing(8);
  layout->addLayout(head(tr("Speed by depth"), tr("tokens per second, and the forecast range")));
  layout->addWidget(chart_, 2);
  layout->addWidget(makeLine(Qt::Horizontal, side));
  layout->addSpacing(4);
  layout->addLayout(head(tr("Receipt"), tr("the model gets this list too")));
  layout->addWidget(receipt_list_, 3);
  layout->addWidget(notice);
  return side;
}

bool IngestPage::isActive() const {
  return value_.state == ReadingState::kReading || value_.state == ReadingState::kPaused ||
         value_.state == ReadingState::kStopping;
}

QString IngestPage::stateName() const {
  switch (value_.state) {
    case ReadingState::kReading: return QStringLiteral("reading");
    case ReadingState::kPaused: return QStringLiteral("paused");
    case ReadingState::kStopping: return QStringLiteral("stopping");
    case ReadingState::kDone: return QStringLiteral("done");
    case ReadingState::kFailed: return QStringLiteral("failed");
  }
  return {};
}

void IngestPage::show(const ReadingValue& value) {
  if (value.title != value_.title || value.n_context != value_.n_context) {
    chart_->reset(value.n_context);
    follows_ = true;
    filter_->clear();
  }
  value_ = value;
  error_->hide();
  model_->setFiles(value.files);
  receipt_->setEntries(value.receipt, value.n_context);
  int n_pdfs = 0, n_read = 0;
  for (const ReadingFile& file : value.files) {
    if (file.state == FileState::kSkipped) continue;
    ++n_read;
    n_pdfs += file.kind == base::DocumentKind::kPdf;
  }
  total_->setText(
      tr("%1, %2: %3 tokens", "files, PDFs, tokens")
          .arg(counted(n_read - n_pdfs, tr("1 code or text file"), tr("%1 code and text files")),
               counted(n_pdfs, tr("1 PDF"), tr("%1 PDFs")), exactCount(value.n_context)));
  updateHead();
  updateButtons();
  follow();
}

void IngestPage::setProgress(const base::Progress& progress, int current_file,
                             double file_fraction) {
  if (progress.n_safe > value_.progress.n_safe) value_.safe_at = QDateTime::currentDateTime();
  value_.progress = progress;
  model_->setCurrent(current_file, file_fraction);
  chart_->add({readTokens(), progress.tokens_per_s});
  updateHead();
  follow();
}

void IngestPage::setState(ReadingState state) {
  value_.state = state;
  updateHead();
  updateButtons();
}

QString IngestPage::captionOfEta() const {
  const auto mean =
      static_cast<qint64>((value_.progress.eta_low_s + value_.progress.eta_high_s) / 2);
  const QDateTime ready = QDateTime::currentDateTime().addSecs(mean);
  return tr("left, ready about %1").arg(ready.toString(QStringLiteral("HH:mm")));
}

void IngestPage::updateHead() {
  const base::Progress& progress = value_.progress;
  const int n_files = static_cast<int>(
      std::count_if(value_.files.begin(), value_.files.end(), [](const ReadingFile& file) {
        return file.state != FileState::kSkipped;
      }));
  switch (value_.state) {
    case ReadingState::kReading:
      title_->setText(counted(n_files, tr("Reading 1 file into the context"),
                               tr("Reading %1 files into the context")));
      break;
    case ReadingState::kPaused:
      title_->setText(tr("Paused at %1. Nothing is lost.").arg(exactCount(readTokens())));
      break;
    case ReadingState::kStopping: title_->setText(tr("Stopping after this step")); break;
    case ReadingState::kDone: 
      title_->setText(counted(n_files, tr("1 file read"), tr("%1 files read")));
      break;
    case ReadingState::kFailed: title_->setText(tr("Reading was interrupted")); break;
  }
  subtitle_->setText(value_.resumed && value_.n_reused > 0
                         ? tr("Continued from token %1 after the app ended.")
                               .arg(exactCount(value_.n_reused))
                         : visibleText(value_.subtitle));
  const std::int64_t total = value_.n_reused + progress.n_total;
  const bool done = value_.state == ReadingState::kDone;
  const double share = done ? 1
                       : total > 0 ? static_cast<double>(readTokens()) / static_cast<double>(total)
                                   : 0;
  bar_->setValue(static_cast<std::int64_t>(share * 1e6), 1000000,
                 value_.state == ReadingState::kPaused ? Token::kWarn : Token::kAccent);
  if (total > 0) {
    const double per_token = 1e6 / static_cast<double>(total);
    bar_->setTicks(static_cast<std::int64_t>(static_cast<double>(tickStep(total)) * per_token),
                   static_cast<std::int64_t>(static_cast<double>(progress.n_safe) * per_token));
  }
  percent_->setText(tr("%1 %").arg(share * 100, 0, 'f', 1));
  percent_caption_->setText(tr("read, %1 of %2 tokens").arg(exactCount(readTokens()),
                                                            exactCount(total)));
  eta_->setText(done ? tr("Ready") : rangeWords(progress.eta_low_s, progress.eta_high_s));
  eta_caption_->setText(done ? tr("to be asked") : captionOfEta());
  rate_->setText(progress.tokens_per_s > 0 ? rateWords(progress.tokens_per_s) : tr("not yet"));
  const double mean = progress.elapsed_s > 0
                          ? static_cast<double>(progress.n_done) / progress.elapsed_s
                          : 0;
  rate_caption_->setText(mean > 0 ? tr("now, mean %1 so far").arg(rateWords(mean))
                                  : tr("reading speed"));
  elapsed_->setText(durationWords(progress.elapsed_s));
  elapsed_caption_->setText(tr("elapsed"));
  safe_->setText(exactCount(progress.n_safe));
  safe_caption_->setText(
      value_.safe_at.isValid()
          ? tr("tokens safe on disk, since %1")
                .arg(value_.safe_at.toString(QStringLiteral("HH:mm:ss")))
          : tr("tokens safe on disk"));
}

void IngestPage::updateButtons() {
  const ReadingState state = value_.state;
  const bool paused = state == ReadingState::kPaused || state == ReadingState::kFailed;
  const bool done = state == ReadingState::kDone;
  pause_->setText(done ? tr("Ask") : paused ? tr("Continue") : tr("Pause"));
  pause_->setIcon(icon(done     ? QStringLiteral("ask")
                       : paused ? QStringLiteral("play")
                                : QStringLiteral("pause"),
                       Token::kOnAccent, Token::kOnAccent));
  pause_->setAccessibleName(pause_->text());
  pause_->setToolTip(done ? QString() : tr("Space"));
  pause_->setEnabled(state != ReadingState::kStopping);
  stop_->setVisible(!done);
  stop_->setEnabled(state == ReadingState::kReading || state == ReadingState::kPaused);
  stop_->setToolTip(tr("Esc. What is safe on disk stays."));
  ask_->setVisible(!done);
  ask_->setText(tr("Ask about what is read"));
  ask_->setAccessibleName(ask_->text());
  ask_->setEnabled(false);
  ask_->setToolTip(tr("Asking while reading comes later: pause, or wait until it is done"));
}

void IngestPage::follow() {
  if (!follows_ || model_->current() < 0) return;
  const QModelIndex row = filtered_->mapFromSource(model_->index(model_->current(), 0));
  if (row.isValid()) table_->scrollTo(row, QAbstractItemView::EnsureVisible);
}

void IngestPage::togglePause() {
  switch (value_.state) {
    case ReadingState::kReading:
      setState(ReadingState::kPaused);
      emit pauseRequested();
      break;
    case ReadingState::kPaused:
    case ReadingState::kFailed:
      setState(ReadingState::kReading);
      emit continueRequested();
      break;
    case ReadingState::kDone:
      emit askRequested();
      break;
    case ReadingState::kStopping:
      break;
  }
}

void IngestPage::stop() {
  if (value_.state != ReadingState::kReading && value_.state != ReadingState::kPaused) return;
  setState(ReadingState::kStopping);
  emit stopRequested();
}

void IngestPage::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_F && event->modifiers() == Qt::NoModifier) {
    follows_ = true;
    follow();
    return;
  }
  QWidget::keyPressEvent(event);
}

}  // namespace ui
