// folder_fixture.h: a temporary folder with files, links and real git repositories.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

class FolderFixture {
 public:
  FolderFixture() { Q_ASSERT(folder_.isValid()); }
  ~FolderFixture() {  // Qt does not remove what has names that are not UTF-8
    std::error_code error;
    std::filesystem::remove_all(folder_.path().toStdString(), error);
  }
  FolderFixture(const FolderFixture&) = delete;
  FolderFixture& operator=(const FolderFixture&) = delete;

  std::filesystem::path root() const {
    return std::filesystem::canonical(folder_.path().toStdString());
  }
  std::filesystem::path at(std::string_view relative) const { return root() / relative; }

  void write(std::string_view relative, std::string_view text = "text\n") const {
    const std::filesystem::path file = at(relative);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream) qFatal("cannot write %s", file.c_str());
  }
  void link(std::string_view relative, const std::string& target) const {
    std::filesystem::create_directories(at(relative).parent_path());
    std::filesystem::create_symlink(target, at(relative));
  }

  // Runs git in `folder` without the user's configuration; the test fails when git does.
  std::string git(const QStringList& arguments, std::string_view folder = "") const {
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("GIT_CONFIG_NOSYSTEM", "1");
    for (const char* who : {"AUTHOR", "COMMITTER"}) {
      environment.insert(QString("GIT_%1_NAME").arg(who), "T");
      environment.insert(QString("GIT_%1_EMAIL").arg(who), "t@example.invalid");
    }
    process.setProcessEnvironment(environment);
    process.setWorkingDirectory(QString::fromStdString(at(folder).string()));
    process.start("git", QStringList{"-c", "core.fsync=none"} + arguments);
    if (!process.waitForFinished(60'000) || process.exitCode() != 0)
      qFatal("git %s: %s", qPrintable(arguments.join(' ')),
             process.readAllStandardError().constData());
    return process.readAllStandardOutput().toStdString();
  }
  void commitAll(std::string_view folder = "") const {
    git({"add", "-A"}, folder);
    git({"commit", "-q", "--allow-empty", "-m", "c"}, folder);
  }

 private:
  QTemporaryDir folder_;
};

// A home folder without settings for this process, libgit2 and the gits it starts.
class HomeFixture {
 public:
  HomeFixture() {
    ::setenv("HOME", folder_.root().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::unsetenv("XDG_CONFIG_HOME");
    ::unsetenv("GIT_CONFIG_GLOBAL");
  }
  const FolderFixture& folder() const { return folder_; }

 private:
  FolderFixture folder_;
};
