#include "ui/error_text.h"

#include <QCoreApplication>

#include "ui/words.h"

namespace ui {
namespace {

QString tr(const char* text, const char* comment = nullptr) {
  return QCoreApplication::translate("ui::error_text", text, comment);
}

// "report.pdf is locked" reads better than "a file is locked", where the name is known.
QString named(const QString& subject, const char* with_name, const char* without) {
  return subject.isEmpty() ? tr(without) : tr(with_name).arg(visibleText(subject));
}

using Action = ErrorAction;

std::optional<ErrorText> textOf(base::ErrorCode code, const QString& subject) {
  switch (code) {
    case base::ErrorCode::kInvalidInput:
      return ErrorText{QStringLiteral("ING-409"),
                       named(subject, QT_TR_NOOP("%1 could not be read"),
                             QT_TR_NOOP("This could not be read")),
                       tr("It is not in the form its name says. Everything else is complete."),
                       Action::kTryAgain, Action::kLeaveOut, false, QStringLiteral("file")};
    case base::ErrorCode::kNotFound:
      return ErrorText{
          QStringLiteral("ING-401"),
          named(subject, QT_TR_NOOP("%1 is no longer there"),
                QT_TR_NOOP("This is no longer there")),
          tr("It was moved or deleted. What was read before is kept, with its quotes."),
          Action::kTryAgain,
          Action::kLeaveOut,
          false,
          QStringLiteral("search")};
    case base::ErrorCode::kIo:
      return ErrorText{QStringLiteral("ING-400"),
                       named(subject, QT_TR_NOOP("%1 cannot be opened"),
                             QT_TR_NOOP("The folder cannot be read")),
                       tr("The system refused. Nothing was changed; other files are not affected."),
                       Action::kTryAgain, Action::kLeaveOut, false, QStringLiteral("folder")};
    case base::ErrorCode::kDiskFull:
      return ErrorText{QStringLiteral("STO-302"), tr("The disk is full"),
                       tr("Text is saved before everything else and is shown here. Without room, "
                          "the session has to be read again when you come back."),
                       Action::kFreeSpace, Action::kTryAgain, true, QStringLiteral("disk")};
    case base::ErrorCode::kCorrupt:
      return ErrorText{QStringLiteral("STO-314"),
                       named(subject, QT_TR_NOOP("%1 is damaged and was not used"),
                             QT_TR_NOOP("The snapshot is damaged and was not used")),
                       tr("Everything before the damage is intact. The rest is read again from "
                          "the text."),
                       Action::kReadAgain, Action::kShowDetails, true, QStringLiteral("snapshot")};
    case base::ErrorCode::kUnsupported:
      return ErrorText{QStringLiteral("MOD-252"),
                       named(subject, QT_TR_NOOP("%1 is not supported"),
                             QT_TR_NOOP("This is not supported")),
                       tr("It is well formed, but of a kind that this version does not know. "
                          "Sessions are untouched."),
                       Action::kChooseFiles, Action::kShowDetails, false, QStringLiteral("help")};
    case base::ErrorCode::kMismatch:
      return ErrorText{QStringLiteral("STO-312"), tr("This snapshot belongs to another model"),
                       tr("The text opens now; the context has to be read again for the model in "
                          "use."),
                       Action::kReadAgain, Action::kChooseModel, false,
                       QStringLiteral("snapshot")};
    case base::ErrorCode::kTooLarge:
      return ErrorText{QStringLiteral("ING-420"), tr("This is larger than the context"),
                       tr("Nothing was read and nothing was cut. Leave some folders out, and it "
                          "fits."),
                       Action::kChooseFolders, Action::kClose, false, QStringLiteral("context")};
    case base::ErrorCode::kLocked:
      return ErrorText{QStringLiteral("ING-404"),
                       named(subject, QT_TR_NOOP("%1 is locked"), QT_TR_NOOP("A PDF is locked")),
                       tr("It needs a password to open. The other files are not affected."),
                       Action::kEnterPassword, Action::kLeaveOut, false, QStringLiteral("lock")};
    case base::ErrorCode::kBusy:
      return ErrorText{QStringLiteral("STO-310"),
                       tr("The library is in use by another Lectern"),
                       tr("Nothing is lost. Close the other window, then try again here."),
                       Action::kTryAgain, Action::kClose, false, QStringLiteral("clock")};
    case base::ErrorCode::kOutOfMemory:
      return ErrorText{QStringLiteral("ENG-203"), tr("There is not enough memory"),
                       tr("The answer up to here is saved. A shorter context or closing another "
                          "program makes it fit."),
                       Action::kTryAgain, Action::kShowDetails, false, QStringLiteral("ram")};
    case base::ErrorCode::kDevice:
      return ErrorText{QStringLiteral("ENG-220"), tr("The graphics device was lost"),
                       tr("Everything on disk is safe. The engine has to start again."),
                       Action::kRestartEngine, Action::kShowDetails, true,
                       QStringLiteral("engine")};
    case base::ErrorCode::kEngineStopped:
      return ErrorText{QStringLiteral("ENG-101"), tr("The engine stopped"),
                       tr("Your conversation is safe. The session goes on from the last "
                          "checkpoint."),
                       Action::kRestartEngine, Action::kShowDetails, true,
                       QStringLiteral("engine")};
    case base::ErrorCode::kNumerics:
      return ErrorText{QStringLiteral("ENG-210"),
                       tr("The numbers went wrong and the answer was stopped"),
                       tr("The answer before this point is kept. Asking again starts from the "
                          "last checkpoint."),
                       Action::kTryAgain, Action::kShowDetails, true, QStringLiteral("warn")};
    case base::ErrorCode::kInternal:
      return ErrorText{QStringLiteral("APP-900"), tr("A fault in Lectern was caught"),
                       tr("What you wrote and what was read are on disk. The details help to mend "
                          "it."),
                       Action::kTryAgain, Action::kShowDetails, true, QStringLiteral("warn")};
    case base::ErrorCode::kCancelled:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ErrorText> errorText(const ErrorValue& value) {
  std::optional<ErrorText> text = textOf(value.error.code, value.subject);
  if (!text) return std::nullopt;
  const bool about_model = value.place == ErrorPlace::kWelcome;
  if (about_model && value.error.code == base::ErrorCode::kNotFound) {
    text->code = QStringLiteral("ENG-100");
    text->sentence = tr("No model is loaded");
    text->safe = tr("Sessions can still be read. Answers need a model.");
    text->primary = Action::kChooseModel;
    text->other = Action::kShowDetails;
    text->icon = QStringLiteral("engine");
  }
  return text;
}

QString errorActionWords(ErrorAction action) {
  switch (action) {
    case ErrorAction::kTryAgain: return tr("Try again");
    case ErrorAction::kChooseFiles: return tr("Choose files\u2026");
    case ErrorAction::kChooseFolders: return tr("Choose folders\u2026");
    case ErrorAction::kLeaveOut: return tr("Leave out");
    case ErrorAction::kReadAgain: return tr("Read again");
    case ErrorAction::kRestartEngine: return tr("Restart engine");
    case ErrorAction::kChooseModel: return tr("Choose model\u2026");
    case ErrorAction::kFreeSpace: return tr("Free space\u2026");
    case ErrorAction::kEnterPassword: return tr("Enter password\u2026");
    case ErrorAction::kShowDetails: return tr("Details");
    case ErrorAction::kClose: return tr("Close");
  }
  return {};
}

}  // namespace ui
