// transcript_turn.h: one question with its answer, as it is painted.
//
// Laid out only while it is near the viewport; otherwise it knows an estimated height. While an
// answer grows, blocks that did not change keep their layout.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <QRectF>

#include "ui/answer_text.h"
#include "ui/transcript_text.h"
#include "ui/values.h"

class QPainter;

namespace ui {

// What a click at a place means.
struct TurnHit {
  enum class Kind { kNone, kQuote, kThinking, kCopyAnswer, kCopyQuote, kBranch };
  Kind kind = Kind::kNone;
  int quote = -1;
};

class TranscriptTurn {
 public:
  explicit TranscriptTurn(MessageValue message, bool open = false);

  const MessageValue& message() const { return message_; }
  const std::vector<Quote>& quotes() const { return answer_.quotes; }
  const std::vector<Block>& blocks() const { return answer_.blocks; }
  bool isOpen() const { return open_; }
  bool thinkingFolded() const { return folded_; }

  // A growing answer. `update()` takes over what came since the last call.
  void append(const base::AnswerDelta& delta);
  void addCitation(const base::Citation& citation);
  void setPrefill(const base::Progress& progress);
  void update();
  void close(MessageValue message);
  // The answer ended without a final message; what is there stays.
  void abandon();

  void setThinkingFolded(bool folded);

  // Height at this width: exact once laid out, estimated before.
  qreal height(qreal width) const;
  bool isLaidOut() const { return laid_out_; }
  void layOut(qreal width);
  void dropLayout();

  void paint(QPainter& painter, const QPointF& at, int current_quote) const;
  TurnHit hitAt(const QPointF& point) const;
  // Where a quote is drawn first; empty before layOut().
  QRectF quoteRect(int quote) const;
  QRectF questionRect() const { return question_rect_; }
  QRectF answerRect() const;

  int provenQuotes() const;
  // "Answer with 5 verified quotes and 1 without a source"
  QString spokenAnswer() const;

 private:
  struct Element {
    BlockKind kind = BlockKind::kParagraph;
    qreal height = 0;
    qreal indent = 0;
    int quote = -1;
    bool head = false;
    EvidenceState state = EvidenceState::kUnverified;
    QString mark;         // of a list item; language of a code block
    QString place, printed;
    std::vector<std::pair<QPointF, ParagraphLayout>> texts;
  };
  struct Area {
    QRectF rect;
    TurnHit hit;
  };

  Element layOutBlock(const Block& block, qreal width) const;
  void layOutQuote(Element& element, const Block& block, qreal width) const;
  void layOutTable(Element& element, const Block& block, qreal width) const;
  void place(qreal width);
  qreal placeThinking(qreal y, qreal width);
  QString thinkingWords() const;
  QString endWords() const;
  QString prefillWords() const;
  void paintQuestion(QPainter& painter, const QPointF& at) const;
  void paintHead(QPainter& painter, const QPointF& at) const;
  void paintElement(QPainter& painter, const Element& element, const QRectF& rect,
                    int current_quote) const;
  void paintQuoteFoot(QPainter& painter, const Element& element, const QRectF& rect) const;
  void paintTail(QPainter& painter, const QPointF& at) const;
  void paintFoot(QPainter& painter, const QPointF& at) const;
  void paintCaret(QPainter& painter, const QPointF& at) const;

  MessageValue message_;
  bool open_ = false;
  bool folded_ = true;
  std::optional<base::Progress> prefill_;
  AnswerText answer_;

  bool laid_out_ = false;
  qreal width_ = 0, height_ = 0;
  std::vector<Block> laid_blocks_;   // what elements_ were made from
  std::vector<Element> elements_;
  std::vector<qreal> tops_;
  std::vector<Area> areas_;
  std::optional<ParagraphLayout> question_, thinking_;
  QRectF question_rect_;
  qreal head_y_ = 0, thinking_y_ = 0, tail_y_ = 0, foot_y_ = 0;
};

}  // namespace ui
