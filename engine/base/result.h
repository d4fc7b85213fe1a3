// result.h: how every room says that the world said no.
//
// A function that can fail returns Result<T> (or Status). An Error carries a code, one sentence
// for a developer and one next step for the user; never document text. Mistakes of our own are
// CHECKs (check.h), imperfect documents are Diagnostics (document.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace base {

enum class ErrorCode {
  kInvalidInput,   // malformed argument, file or message
  kNotFound,       // file, session, tensor, token that does not exist
  kIo,             // the operating system refused
  kDiskFull,       // no room; text is saved first
  kCorrupt,        // a hash, size or structure does not hold
  kUnsupported,    // well-formed, but not something this version implements
  kMismatch,       // belongs to another model, build or layout
  kTooLarge,       // exceeds the context or a stated limit
  kLocked,         // needs a password
  kBusy,           // another process or request holds it
  kOutOfMemory,    // the plan does not fit
  kDevice,         // accelerator failed
  kEngineStopped,  // lectern-engine ended unexpectedly
  kNumerics,       // NaN or infinity where a number belongs
  kCancelled,      // stopped by the user; never shown as a failure
  kInternal,       // a bug of ours that was caught at a thread's top
};

// Stable lower-case name, e.g. "invalid_input"; used in JSON and logs.
std::string_view errorCodeName(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence a developer can act on; never document text
  std::string hint;     // next step for the user; may be empty
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> failure(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

}  // namespace base

// TRY(store.add(index));   TRY_ASSIGN(auto index, LineIndex::create(text));
#define TRY(expr)                                                              \
  do {                                                                         \
    if (auto tried_ = (expr); !tried_)                                         \
      return ::tl::make_unexpected(std::move(tried_).error());                 \
  } while (false)
#define LECTERN_CONCAT2(a, b) a##b
#define LECTERN_CONCAT(a, b) LECTERN_CONCAT2(a, b)
#define TRY_ASSIGN(declaration, expr) \
  TRY_ASSIGN_IMPL(LECTERN_CONCAT(tried_, __LINE__), declaration, expr)
#define TRY_ASSIGN_IMPL(name, declaration, expr)                        \
  auto name = (expr);                                                   \
  if (!name) return ::tl::make_unexpected(std::move(name).error());     \
  declaration = *std::move(name)
