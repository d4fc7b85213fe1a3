// receipt_words.h: why a file is not in the context, in words.
#pragma once

#include <QString>

namespace ui {

// `reason` as in base::ReceiptEntry; unknown ones are shown as they are.
QString receiptReason(const QString& reason);

}  // namespace ui
