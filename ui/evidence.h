// evidence.h: how a quote looks by what is known about it (ui.md section 3.6).
//
// What is not proven never borrows the look of what is: a missing state counts as unverified.
#pragma once

#include <QString>

#include "engine/base/answer.h"
#include "ui/theme.h"

namespace ui {

enum class EvidenceState { kVerified, kRepaired, kOlderText, kUnverified, kPending };

struct EvidenceLook {
  QString icon;           // resources/icons
  QString word;           // "Verbatim"
  QString spoken_prefix;  // "Verbatim quote"
  Token ink, soft;        // text and background
  bool proven = false;
  bool dashed = false;    // edge of a block
};

// Null: nothing is known, which is unverified.
EvidenceState evidenceState(const base::Citation* citation);
EvidenceLook evidenceLook(EvidenceState state);
// "Verbatim quote, db/version_set.cc, lines 833 to 835"
QString spokenEvidence(EvidenceState state, const base::Citation* citation);

}  // namespace ui
