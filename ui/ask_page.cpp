#include "ui/ask_page.h"

#include <QApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QResizeEvent>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/composer.h"
#include "ui/error_card.h"
#include "ui/evidence_pane.h"
#include "ui/label.h"
#include "ui/source_model.h"
#include "ui/sources_pane.h"
#include "ui/transcript_view.h"
#include "ui/viewer_tabs.h"
#include "ui/words.h"

namespace ui {
namespace {

// Below this width, at 100 % text, the sources give way to the conversation.
constexpr int kThreeColumns = 1180;

}  // namespace

AskPage::AskPage(QWidget* parent)
    : QWidget(parent),
      sources_(new SourcesPane(this)),
      columns_(new QSplitter(Qt::Horizontal, this)) {
  setObjectName(QStringLiteral("askPage"));
  columns_->setChildrenCollapsible(false);
  columns_->setHandleWidth(1);
  columns_->addWidget(sources_);
  QWidget* conversation = buildConversation();
  columns_->addWidget(conversation);
  columns_->addWidget(buildEvidence());
  columns_->setStretchFactor(0, 0);
  columns_->setStretchFactor(1, 1);
  columns_->setStretchFactor(2, 1);
  sources_->setMinimumWidth(180);
  conversation->setMinimumWidth(340);
  columns_->setSizes({250, 544, 586});
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(columns_);

  connect(sources_, &SourcesPane::documentRequested, this, &AskPage::documentRequested);
  connect(sources_, &SourcesPane::addRequested, this, &AskPage::addSourceRequested);
  connect(transcript_, &TranscriptView::quoteActivated, this, &AskPage::showQuote);
  connect(transcript_, &TranscriptView::quotesChanged, this, &AskPage::updateEvidence);
  connect(composer_, &Composer::sendRequested, this, &AskPage::askRequested);
  connect(composer_, &Composer::sendInsteadRequested, this, &AskPage::askInsteadRequested);
  connect(transcript_, &TranscriptView::branchRequested, this,
          [this](int turn) { emit branchRequested(turn + 1); });
  connect(composer_, &Composer::stopRequested, this, &AskPage::stop);
  connect(viewer_, &ViewerTabs::pdfPageRequested, this, &AskPage::pdfPageRequested);
  connect(viewer_, &ViewerTabs::errorActionChosen, this, &AskPage::errorActionChosen);
  connect(viewer_, &ViewerTabs::pathShown, sources_, &SourcesPane::markPath);
  connect(evidence_, &EvidencePane::quoteActivated, this, [this](int quote) {
    transcript_->selectQuote(transcript_->currentTurn(), quote);
    showQuote(transcript_->currentTurn(), quote);
  });
  connect(evidence_, &EvidencePane::copyRequested, this, [this](int quote) {
    transcript_->selectQuote(transcript_->currentTurn(), quote);
    transcript_->copyQuote();
  });
  updateBlocked();
}

QWidget* AskPage::buildConversation() {
  auto* box = new QWidget(this);
  box->setProperty("ground", "surface");
  box->setAttribute(Qt::WA_StyledBackground);
  transcript_ = new TranscriptView(box);
  composer_ = new Composer(box);
  error_ = new ErrorCard(box);
  error_->setObjectName(QStringLiteral("conversationErrorCard"));
  error_->hide();
  count_ = makeLabel(FontRole::kInterface, Token::kText2, box);
  count_->setObjectName(QStringLiteral("conversationCount"));
  auto* head = new QWidget(box);
  head->setMinimumHeight(36);
  auto* head_layout = new QHBoxLayout(head);
  head_layout->setContentsMargins(24, 0, 16, 0);
  head_layout->setSpacing(8);
  head_layout->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, head, tr("Conversation")));
  head_layout->addWidget(count_);
  head_layout->addStretch();
  auto* card = new QHBoxLayout;
  card->setContentsMargins(24, 0, 24, 0);
  card->addWidget(error_);
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(head);
  layout->addWidget(makeLine(Qt::Horizontal, box));
  layout->addWidget(transcript_, 1);
  layout->addLayout(card);
  layout->addSpacing(8);
  layout->addWidget(composer_);
  return box;
}

QWidget* AskPage::buildEvidence() {
  auto* split = new QSplitter(Qt::Vertical, this);
  split->setChildrenCollapsible(false);
  split->setHandleWidth(1);
  viewer_ = new ViewerTabs(split);
  viewer_->setMinimumSize(300, 200);
  evidence_ = new EvidencePane(split);
  evidence_->setMinimumHeight(96);
  split->addWidget(viewer_);
  split->addWidget(evidence_);
  split->setStretchFactor(0, 2);
  split->setStretchFactor(1, 1);
  split->setSizes({500, 250});
  return split;
}

void AskPage::showSession(const SessionValue& value) {
  error_->hide();
  sources_->setFiles(value.sources);
  viewer_->closeAll();
  viewer_->clearErrors();
  transcript_->setMessages(value.messages);
  composer_->setBusy(false);
  composer_->setLastQuestion(transcript_->lastQuestion());
  n_context_ = value.context.n_used;
  updateCount();
  updateHint();
  updateBlocked();
}

void AskPage::setEngine(const EngineValue& value) {
  model_ = value.model;
  engine_ = value.state;
  updateBlocked();
}

// Why a question would not be answered now.
void AskPage::updateBlocked() {
  switch (engine_) {
    case EngineState::kNoModel: composer_->setBlocked(tr("No model is loaded")); break;
    case EngineState::kStopped: composer_->setBlocked(tr("The engine has stopped")); break;
    default: composer_->setBlocked({}); break;
  }
}

void AskPage::beginAnswer(const QString& question) {
  error_->hide();
  composer_->clear();
  composer_->setLastQuestion(question);
  composer_->setBusy(true);
  transcript_->begin(question, model_);
  updateCount();
  updateHint();
}

void AskPage::showPrefill(const base::Progress& progress) { transcript_->setPrefill(progress); }

void AskPage::showDelta(const base::AnswerDelta& delta) { transcript_->append(delta); }

void AskPage::showCitation(const base::Citation& citation) { transcript_->addCitation(citation); }

void AskPage::finishAnswer(const MessageValue& message) {
  transcript_->finish(message);
  composer_->setBusy(false);
  if (message.usage.context_tokens > 0)
    n_context_ = message.usage.context_tokens + message.usage.decode_tokens;
  updateHint();
}

void AskPage::failAnswer(const ErrorValue& error) {
  transcript_->abandon();
  composer_->setBusy(false);
  error_->show(error);
  updateHint();
}

bool AskPage::isAnswering() const { return transcript_->isOpen(); }

void AskPage::stop() {
  if (!isAnswering()) return;
  composer_->setStopping();
  emit stopRequested();
}

void AskPage::showDocumentText(const DocumentText& document) {
  viewer_->showDocumentText(document);
  sources_->markPath(document.path);
}

void AskPage::showPdfPage(const PdfPage& page) {
  viewer_->showPdfPage(page);
  sources_->markPath(page.path);
}

void AskPage::showViewerError(const ErrorValue& error) { viewer_->showError(error); }

void AskPage::clearErrors() {
  error_->hide();
  viewer_->clearErrors();
}

void AskPage::showQuote(int turn, int quote) {
  evidence_->setCurrent(quote);
  emit quotesChanged();
  const Quote& found = transcript_->turn(turn).quotes()[static_cast<size_t>(quote)];
  // What is not proven has no place to go to.
  if (found.citation && !found.citation->path.empty())
    emit citationActivated(*found.citation, quote);
}

void AskPage::updateEvidence() {
  const int turn = transcript_->currentTurn();
  evidence_->setQuotes(turn < 0 ? std::vector<Quote>() : transcript_->turn(turn).quotes(),
                       transcript_->currentQuote());
  emit quotesChanged();
}

QStringList AskPage::quotePaths() const {
  QStringList paths;
  if (transcript_->currentTurn() < 0) return paths;
  for (const Quote& quote : transcript_->turn(transcript_->currentTurn()).quotes())
    paths << (quote.citation ? QString::fromStdString(quote.citation->path) : QString());
  return paths;
}

int AskPage::currentQuote() const { return transcript_->currentQuote(); }

int AskPage::changedFiles() const { return sources_->model().changedFiles(); }

void AskPage::updateCount() {
  const int n = transcript_->messageCount();
  const QString questions = counted(n, tr("1 question"), tr("%1 questions"));
  count_->setText(n_branches_ > 1 ? tr("%1 \u00B7 %2 branches", "questions, branches")
                                        .arg(questions).arg(n_branches_)
                                  : questions);
}

void AskPage::setBranches(int n_branches) {
  n_branches_ = n_branches;
  updateCount();
}

void AskPage::branchHere() {
  if (!isAnswering() && transcript_->currentTurn() >= 0)
    emit branchRequested(transcript_->currentTurn() + 1);
}

void AskPage::updateHint() {
  composer_->setHint(isAnswering()     ? tr("Esc stops")
                     : n_context_ > 0 ? tr("Reuses %1 tokens, reads only your question")
                                            .arg(exactCount(n_context_))
                                      : QString());
}

void AskPage::toggleSources() {
  sources_wanted_ = !sources_->isVisible();
  sources_->setVisible(sources_wanted_);
}

void AskPage::toggleEvidence() { evidence_->setVisible(!evidence_->isVisible()); }

void AskPage::focusFilter() {
  sources_->show();
  sources_->focusFilter();
}

void AskPage::foldSources() {
  const bool room = width() / theme().textScale() >= kThreeColumns;
  sources_->setVisible(room && sources_wanted_);
}

void AskPage::resizeEvent(QResizeEvent* event) {
  if (event->oldSize().width() != event->size().width()) foldSources();
}

// The focus ring of F6: sources, conversation, composer, viewer, evidence.
void AskPage::stepPane(int step) {
  const std::vector<QWidget*> panes = {sources_, transcript_, composer_, viewer_, evidence_};
  const int n = static_cast<int>(panes.size());
  QWidget* focused = QApplication::focusWidget();
  int at = -1;
  for (int i = 0; i < n; ++i)
    if (focused && (panes[static_cast<size_t>(i)] == focused ||
                    panes[static_cast<size_t>(i)]->isAncestorOf(focused)))
      at = i;
  for (int tried = 0; tried < n; ++tried) {
    at = at < 0 ? (step > 0 ? 0 : n - 1) : (at + step + n) % n;
    QWidget* pane = panes[static_cast<size_t>(at)];
    if (!pane->isVisible()) continue;
    if (pane == composer_) {
      composer_->focusEdit();
      return;
    }
    if (pane == evidence_) {
      evidence_->focusList();
      return;
    }
    QWidget* target = pane;
    while (target && target->focusPolicy() == Qt::NoFocus) {
      const QList<QWidget*> children = target->findChildren<QWidget*>();
      QWidget* next = nullptr;
      for (QWidget* child : children)
        if (child->isVisible() && (child->focusPolicy() & Qt::TabFocus)) {
          next = child;
          break;
        }
      target = next;
    }
    if (!target) continue;
    target->setFocus(Qt::ShortcutFocusReason);
    return;
  }
}

}  // namespace ui
