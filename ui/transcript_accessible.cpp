#include "ui/transcript_accessible.h"

#include <vector>

#include <QAccessibleWidget>

#include "ui/transcript_view.h"
#include "ui/words.h"

namespace ui {
namespace {

enum class Part { kQuestion, kAnswer, kQuote };

struct Entry {
  Part part = Part::kQuestion;
  int turn = 0;
  int quote = -1;
};

std::vector<Entry> entriesOf(const TranscriptView& view) {
  std::vector<Entry> entries;
  for (int turn = 0; turn < view.messageCount(); ++turn) {
    entries.push_back({Part::kQuestion, turn, -1});
    entries.push_back({Part::kAnswer, turn, -1});
    const int n_quotes = static_cast<int>(view.turn(turn).quotes().size());
    for (int quote = 0; quote < n_quotes; ++quote)
      entries.push_back({Part::kQuote, turn, quote});
  }
  return entries;
}

// One line of the list. Made on demand and kept by QAccessible; it names a place in the
// conversation, so that it stays valid while the answer grows.
class TranscriptEntry : public QAccessibleInterface, public QAccessibleActionInterface {
 public:
  TranscriptEntry(TranscriptView* view, int number) : view_(view), number_(number) {}

  bool isValid() const override {
    return view_ && number_ < static_cast<int>(entriesOf(*view_).size());
  }
  QObject* object() const override { return nullptr; }
  QAccessibleInterface* childAt(int, int) const override { return nullptr; }
  QAccessibleInterface* parent() const override {
    return QAccessible::queryAccessibleInterface(view_);
  }
  QAccessibleInterface* child(int) const override { return nullptr; }
  int childCount() const override { return 0; }
  int indexOfChild(const QAccessibleInterface*) const override { return -1; }
  void setText(QAccessible::Text, const QString&) override {}

  QString text(QAccessible::Text kind) const override {
    if (!isValid()) return {};
    const Entry entry = here();
    const TranscriptTurn& turn = view_->turn(entry.turn);
    const bool name = kind == QAccessible::Name;
    switch (entry.part) {
      case Part::kQuestion:
        return name ? TranscriptView::tr("Question: %1").arg(visibleText(turn.message().question))
                    : QString();
      case Part::kAnswer:
        return name                             ? turn.spokenAnswer()
               : kind == QAccessible::Value     ? visibleText(turn.message().answer)
                                                : QString();
      case Part::kQuote: {
        const Quote& quote = turn.quotes()[static_cast<size_t>(entry.quote)];
        return name                         ? spokenEvidence(quote.state, quote.citation)
               : kind == QAccessible::Value ? visibleText(quote.text)
                                            : QString();
      }
    }
    return {};
  }

  QRect rect() const override {
    if (!isValid()) return {};
    return view_->turnRect(here().turn).translated(view_->viewport()->mapToGlobal(QPoint()));
  }

  QAccessible::Role role() const override {
    return isValid() && here().part == Part::kQuote ? QAccessible::Link : QAccessible::ListItem;
  }

  QAccessible::State state() const override {
    QAccessible::State state;
    state.readOnly = true;
    if (!isValid()) return state;
    const Entry entry = here();
    state.linked = entry.part == Part::kQuote;
    state.selected = entry.part == Part::kQuote && entry.turn == view_->currentTurn() &&
                     entry.quote == view_->currentQuote();
    return state;
  }

  void* interface_cast(QAccessible::InterfaceType type) override {
    if (type != QAccessible::ActionInterface || role() != QAccessible::Link) return nullptr;
    return static_cast<QAccessibleActionInterface*>(this);
  }

  QStringList actionNames() const override { return {pressAction()}; }
  QStringList keyBindingsForAction(const QString&) const override { return {}; }
  void doAction(const QString& action) override {
    if (action != pressAction() || !isValid()) return;
    const Entry entry = here();
    if (entry.quote < 0) return;
    view_->selectQuote(entry.turn, entry.quote);
    emit view_->quoteActivated(entry.turn, entry.quote);
  }

 private:
  Entry here() const { return entriesOf(*view_)[static_cast<size_t>(number_)]; }

  QPointer<TranscriptView> view_;
  int number_;
};

class TranscriptList : public QAccessibleWidget {
 public:
  explicit TranscriptList(TranscriptView* view)
      : QAccessibleWidget(view, QAccessible::List), view_(view) {}

  ~TranscriptList() override {
    for (const QAccessible::Id id : ids_) QAccessible::deleteAccessibleInterface(id);
  }

  int childCount() const override { return static_cast<int>(entriesOf(*view_).size()); }

  QAccessibleInterface* child(int index) const override {
    if (index < 0 || index >= childCount()) return nullptr;
    while (static_cast<int>(ids_.size()) <= index)
      ids_.push_back(QAccessible::registerAccessibleInterface(
          new TranscriptEntry(view_, static_cast<int>(ids_.size()))));
    return QAccessible::accessibleInterface(ids_[static_cast<size_t>(index)]);
  }

  int indexOfChild(const QAccessibleInterface* child) const override {
    for (size_t i = 0; i < ids_.size(); ++i)
      if (QAccessible::accessibleInterface(ids_[i]) == child) return static_cast<int>(i);
    return -1;
  }

 private:
  TranscriptView* view_;
  mutable std::vector<QAccessible::Id> ids_;
};

QAccessibleInterface* makeInterface(const QString&, QObject* object) {
  auto* view = qobject_cast<TranscriptView*>(object);
  return view ? new TranscriptList(view) : nullptr;
}

}  // namespace

void installTranscriptAccessibility() {
  static const bool installed = [] {
    QAccessible::installFactory(makeInterface);
    return true;
  }();
  Q_UNUSED(installed);
}

}  // namespace ui
