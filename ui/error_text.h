// error_text.h: the only place that makes sentences about errors for people.
//
// An ErrorText answers three questions: what happened, what is safe, what next. A test walks every
// base::ErrorCode.
#pragma once

#include <optional>

#include <QString>

#include "ui/values.h"

namespace ui {

// What an error card can offer. app/ decides what it does.
enum class ErrorAction {
  kTryAgain,
  kChooseFiles,
  kChooseFolders,
  kLeaveOut,
  kReadAgain,
  kRestartEngine,
  kChooseModel,
  kFreeSpace,
  kEnterPassword,
  kShowDetails,
  kClose,
};

struct ErrorText {
  QString code;      // "ENG-101"
  QString sentence;  // what happened
  QString safe;      // what is safe, and why it matters
  ErrorAction primary = ErrorAction::kTryAgain;
  ErrorAction other = ErrorAction::kClose;
  bool severe = false;   // danger instead of warn
  QString icon;          // name in resources/icons
};

// kCancelled has no card: nothing is returned, and nothing may be shown as a failure.
std::optional<ErrorText> errorText(const ErrorValue& value);

// The words on the button, e.g. "Restart engine".
QString errorActionWords(ErrorAction action);

}  // namespace ui
