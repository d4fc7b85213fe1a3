#include "tests/support/test_main.h"

#include <csignal>
#include <cstdio>
#include <map>

#ifdef LECTERN_TEST_GUI
#include <QApplication>
using TestApplication = QApplication;
#else
#include <QCoreApplication>
using TestApplication = QCoreApplication;
#endif

namespace support {
namespace {

std::map<std::string, MakeTest>& tests() {
  static std::map<std::string, MakeTest> registered;
  return registered;
}

}  // namespace

int registerTest(std::string name, MakeTest make) {
  tests().emplace(std::move(name), std::move(make));
  return 0;
}

int runAll(int argc, char** argv) {
  const std::string wanted = argc > 1 && argv[1][0] != '-' ? argv[1] : "";
  if (!wanted.empty()) {
    const auto found = tests().find(wanted);
    if (found == tests().end()) {
      std::fprintf(stderr, "no test class %s\n", wanted.c_str());
      return 2;
    }
    argv[1] = argv[0];
    return QTest::qExec(found->second().get(), argc - 1, argv + 1);
  }
  int n_failed = 0;
  for (const auto& [name, make] : tests()) n_failed += QTest::qExec(make().get(), argc, argv);
  return n_failed;
}

}  // namespace support

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  TestApplication application(argc, argv);
  return support::runAll(argc, argv);
}
