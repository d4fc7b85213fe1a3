// log.h: named loggers; with log.cpp the only includer of spdlog.
//
// Lines are `event key=value ...`. Prompt, document and answer text appear at no level.
// Everything goes to stderr (stdout carries protocols and results) and, once a folder is set,
// to a file of that folder. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace base {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// Call once at the start of a process. An empty `file` logs to stderr only.
void startLog(std::string_view program, LogLevel stderr_level, const std::string& file);

void log(LogLevel level, std::string_view room, std::string_view line);
inline void logInfo(std::string_view room, std::string_view line) { log(LogLevel::kInfo, room, line); }
inline void logWarn(std::string_view room, std::string_view line) { log(LogLevel::kWarn, room, line); }
inline void logError(std::string_view room, std::string_view line) { log(LogLevel::kError, room, line); }
inline void logDebug(std::string_view room, std::string_view line) { log(LogLevel::kDebug, room, line); }

}  // namespace base
