#include "app/cli/password_prompt.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace app {
namespace {

// While it lives, the terminal does not show what is typed.
class HiddenTyping {
 public:
  HiddenTyping() {
    is_terminal_ = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_terminal_) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  ~HiddenTyping() {
    if (!is_terminal_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;

  bool isTerminal() const { return is_terminal_; }

 private:
  termios before_{};
  bool is_terminal_ = false;
};

}  // namespace

base::Result<std::string> askPassword(const std::string& what) {
  const HiddenTyping hidden;
  if (hidden.isTerminal()) std::fprintf(stderr, "Password of %s: ", what.c_str());
  std::string password;
  std::getline(std::cin, password);
  if (!password.empty() && password.back() == '\r') password.pop_back();
  if (password.empty())
    return base::failure(base::ErrorCode::kInvalidInput, "no password was given",
                         "Type it, or send it as the first line of stdin.");
  return password;
}

}  // namespace app
