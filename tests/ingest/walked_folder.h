// walked_folder.h: what a walk answered, in forms that tests compare.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <QString>

#include "ingest/source_walk.h"
#include "ingest/utf8.h"

namespace support {

namespace fs = std::filesystem;
using ingest::WalkedFile;
using ingest::WalkedSource;

inline WalkedSource walk(const fs::path& folder) {
  auto walked = ingest::walkFolder(folder, {});
  if (!walked) qFatal("%s: %s", folder.c_str(), walked.error().message.c_str());
  return *walked;
}

// "read" or the reason, by path.
inline std::map<std::string, std::string> decisions(const WalkedSource& source) {
  std::map<std::string, std::string> decided;
  for (const WalkedFile& file : source.files)
    decided[file.relative] = file.read ? "read" : file.reason;
  return decided;
}

inline std::set<std::string> readPaths(const WalkedSource& source) {
  std::set<std::string> read;
  for (const WalkedFile& file : source.files)
    if (file.read) read.insert(file.relative);
  return read;
}

// The true bytes of an entry's path, as git writes them.
inline std::string gitPath(const WalkedFile& entry, const fs::path& root) {
  std::string path = entry.file.native().substr(root.native().size() + 1);
  if (entry.relative.ends_with('/')) path += '/';
  return path;
}

// What git would list: all but what it ignores or cannot hold.
inline std::set<std::string> listedByWalk(const WalkedSource& source, const fs::path& root) {
  std::set<std::string> listed;
  for (const WalkedFile& entry : source.files)
    if (entry.reason != "ignored" && entry.reason != "special")
      listed.insert(gitPath(entry, root));
  return listed;
}

inline std::set<std::string> splitAtNul(const std::string& text) {
  std::set<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    parts.insert(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

inline std::string readAll(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline QString difference(const std::set<std::string>& got, const std::set<std::string>& expected) {
  QString text;
  for (const auto& path : got)
    if (!expected.contains(path)) text += QString("+%1 ").arg(QString::fromStdString(path));
  for (const auto& path : expected)
    if (!got.contains(path)) text += QString("-%1 ").arg(QString::fromStdString(path));
  return text.left(2000);
}

// Sorted, unique, valid UTF-8; whatever is not read says why.
inline QString brokenPromise(const WalkedSource& source) {
  const std::string* previous = nullptr;
  for (const WalkedFile& entry : source.files) {
    const QString path = QString::fromStdString(entry.relative);
    if (!ingest::isUtf8(entry.relative)) return path + " is not UTF-8";
    if (previous && *previous >= entry.relative) return path + " is out of order";
    if (!entry.read && entry.reason.empty()) return path + " has no reason";
    if (!entry.file.is_absolute()) return path + " is not absolute";
    previous = &entry.relative;
  }
  return {};
}

// Each path on disk has one entry: its own or that of one folder above it.
inline QString uncoveredPath(const WalkedSource& source, const fs::path& root) {
  std::set<std::string> entries;
  for (const WalkedFile& entry : source.files)
    if (entry.reason != "missing") entries.insert(gitPath(entry, root));
  for (auto it = fs::recursive_directory_iterator(root); it != fs::end(it); ++it) {
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
      continue;
    }
    if (it->symlink_status().type() == fs::file_type::directory) continue;
    const std::string path = it->path().native().substr(root.native().size() + 1);
    int n_entries = entries.contains(path);
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
      n_entries += entries.contains(path.substr(0, at + 1)) || entries.contains(path.substr(0, at));
    if (n_entries != 1)
      return QString("%1 has %2 entries").arg(QString::fromStdString(path)).arg(n_entries);
  }
  return {};
}

}  // namespace support
