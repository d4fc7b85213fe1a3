// lectern_run.h: the real binaries, run as a user runs them, each test in a data folder of its own.
#pragma once

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include "engine/json.h"
#include "tests/support/golden.h"

// Fails the test with what the program said unless it ended with this code; the run is made once.
#define EXIT(run, wanted)                                                                     \
  do {                                                                                        \
    const support::RunResult& exit_ = (run);                                                  \
    QVERIFY2(exit_.code == (wanted),                                                          \
             ("exit " + std::to_string(exit_.code) + "\n" + exit_.out + exit_.err).c_str()); \
  } while (false)

namespace support {

struct RunResult {
  int code = -1;  // -1: ended by a signal
  std::string out, err;

  engine::Json json() const {
    const auto parsed = engine::parseJson(out);
    return parsed ? *parsed : engine::Json::object();
  }
  // "error.code" of --json; empty when there is none.
  std::string errorCode() const {
    const engine::Json answer = json();
    return answer.contains("error") ? answer["error"].value("code", "") : "";
  }
};

inline std::filesystem::path program(const char* name) {
  return std::filesystem::path(LECTERN_BIN_DIR) / name;
}
inline std::filesystem::path bundledModel() {
  return std::filesystem::path(LECTERN_SOURCE_DIR) / "resources/models/lectern-mini";
}
inline std::filesystem::path samples() {
  return std::filesystem::path(LECTERN_SOURCE_DIR) / "resources/samples";
}

inline QStringList toList(const std::vector<std::string>& arguments) {
  QStringList list;
  for (const std::string& argument : arguments) list << QString::fromStdString(argument);
  return list;
}

constexpr int kPatienceMs = 100'000;

inline RunResult finish(QProcess& process) {
  RunResult result;
  if (!process.waitForFinished(kPatienceMs)) process.kill();
  if (process.exitStatus() == QProcess::NormalExit) result.code = process.exitCode();
  result.out = process.readAllStandardOutput().toStdString();
  result.err = process.readAllStandardError().toStdString();
  return result;
}

inline RunResult lectern(const std::vector<std::string>& arguments, const std::string& input = {}) {
  QProcess process;
  process.start(QString::fromStdString(program("lectern")), toList(arguments));
  process.write(input.data(), static_cast<qint64>(input.size()));
  process.closeWriteChannel();
  return finish(process);
}

inline void writeFile(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string readFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A data folder and a place for sources.
class Desk {
 public:
  std::filesystem::path folder() const { return folder_.path().toStdString(); }
  std::filesystem::path data() const { return folder() / "data"; }
  std::filesystem::path source(const std::string& name) const { return folder() / "source" / name; }
  void write(const std::string& name, const std::string& text) const {
    writeFile(source(name), text);
  }

  // A command with this desk's data folder and --json.
  std::vector<std::string> command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"--data", data().string(), "--json"});
    return arguments;
  }
  RunResult run(const std::vector<std::string>& arguments) const {
    return lectern(command(arguments));
  }
  RunResult ingest(const std::string& session) const {
    return run({"ingest", source("").string(), "--session", session});
  }
  RunResult ask(const std::string& session, const std::string& question) const {
    return run({"ask", "--session", session, question});
  }

 private:
  QTemporaryDir folder_;
};

// LECTERN_SEED repeats a run.
inline std::uint64_t testSeed(const char* what) {
  const char* given = std::getenv("LECTERN_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("%s: LECTERN_SEED=%llu\n", what, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

// Some thousand tokens of made-up code: enough to be interrupted while it is read.
inline std::string madeUpCode(int n_functions) {
  std::string code;
  for (int i = 0; i < n_functions; ++i) {
    const std::string n = std::to_string(i);
    code += "int measure_" + n + "(int width, int depth) {\n  int area = width * " +
            std::to_string(i * 7 % 13) + ";\n  return area + depth;\n}\n\n";
  }
  return code;
}

}  // namespace support
