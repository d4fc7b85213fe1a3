#include "ui/evidence.h"

#include <QCoreApplication>

#include "ui/words.h"

namespace ui {
namespace {

QString tr(const char* text, const char* comment = nullptr) {
  return QCoreApplication::translate("ui::evidence", text, comment);
}

}  // namespace

EvidenceState evidenceState(const base::Citation* citation) {
  if (!citation) return EvidenceState::kUnverified;
  switch (citation->check) {
    case base::CitationCheck::kVerified: return EvidenceState::kVerified;
    case base::CitationCheck::kOlderText: return EvidenceState::kOlderText;
    case base::CitationCheck::kUnverified: return EvidenceState::kUnverified;
  }
  return EvidenceState::kUnverified;
}

EvidenceLook evidenceLook(EvidenceState state) {
  switch (state) {
    case EvidenceState::kVerified:
      return {QStringLiteral("verified"), tr("Verbatim"), tr("Verbatim quote"),
              Token::kOk, Token::kOkSoft, true, false};
    case EvidenceState::kRepaired:
      return {QStringLiteral("verified"), tr("Verbatim after joining hyphens"),
              tr("Verbatim quote after joining hyphens"), Token::kOk, Token::kOkSoft, true, true};
    case EvidenceState::kOlderText:
      return {QStringLiteral("clock"), tr("Verbatim in older text"),
              tr("Verbatim quote of older text"), Token::kOk, Token::kOkSoft, true, false};
    case EvidenceState::kPending:
      return {QStringLiteral("clock"), tr("Being checked"), tr("Quote being checked"),
              Token::kText2, Token::kSunken, false, true};
    case EvidenceState::kUnverified:
      break;
  }
  return {QStringLiteral("unverified"), tr("not in your sources"), tr("Not in your sources"),
          Token::kWarn, Token::kWarnSoft, false, true};
}

QString spokenEvidence(EvidenceState state, const base::Citation* citation) {
  const QString prefix = evidenceLook(state).spoken_prefix;
  if (!citation || citation->path.empty()) return prefix;
  const QString path = visibleText(citation->path);
  if (citation->page > 0)
    return tr("%1, %2, page %3", "spoken").arg(prefix, path).arg(citation->page);
  if (citation->line_start <= 0) return tr("%1, %2", "spoken").arg(prefix, path);
  return tr("%1, %2, lines %3 to %4", "spoken").arg(prefix, path)
      .arg(citation->line_start).arg(citation->line_end);
}

}  // namespace ui
