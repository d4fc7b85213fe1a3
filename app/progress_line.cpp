#include "app/progress_line.h"

#include <cmath>
#include <cstdio>

#include <unistd.h>

namespace app {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kLogInterval = std::chrono::seconds(3);

std::string formatted(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string durationWords(double seconds) {
  if (seconds < 10) return formatted("%.1f s", std::max(seconds, 0.0));
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string durationRange(double low_s, double high_s) {
  const std::string low = durationWords(low_s), high = durationWords(high_s);
  return low == high ? low : low + " to " + high;
}

std::string countWords(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (int at = static_cast<int>(digits.size()) - 3; at > (count < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string byteWords(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < 1e3) return std::to_string(bytes) + " B";
  if (value < 1e6) return formatted("%.1f KB", value / 1e3);
  if (value < 1e9) return formatted("%.1f MB", value / 1e6);
  return formatted("%.2f GB", value / 1e9);
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (open_) std::fputc('\n', stderr);
}

void ProgressLine::write(std::string_view words) {
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(words.size()), words.data());
    std::fflush(stderr);
    open_ = true;
  } else {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(words.size()), words.data());
  }
  shown_ = Clock::now();
}

void ProgressLine::show(std::string_view words) {
  const auto interval =
      terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kLogInterval);
  if (shown_ != Clock::time_point{} && Clock::now() - shown_ < interval) return;
  write(words);
}

void ProgressLine::show(const base::Progress& progress) {
  std::string words = "reading " + countWords(progress.n_done) + " of " +
                      countWords(progress.n_total) + " tokens";
  if (progress.tokens_per_s > 0)
    words += ", " + countWords(std::llround(progress.tokens_per_s)) + " tok/s";
  if (progress.eta_high_s > 0)
    words += ", " + durationRange(progress.eta_low_s, progress.eta_high_s) + " left";
  if (progress.n_safe > 0) words += ", " + countWords(progress.n_safe) + " safe on disk";
  show(words);
}

void ProgressLine::finish(std::string_view words) {
  write(words);
  if (terminal_) std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace app
