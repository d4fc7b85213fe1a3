// migrations.h: brings a database to the schema this program was built with.
//
// The files resources/schema/<database>/NNN_name.sql are compiled in. Each runs in one transaction
// that also sets user_version to NNN, so a crash leaves the schema before or after, never between.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "storage/sqlite.h"

namespace storage {

struct Migration {
  int version = 0;  // 1, 2, 3, ...
  std::string_view sql;
};

std::span<const Migration> sessionMigrations();
std::span<const Migration> snapshotMigrations();

enum class BeforeMigration {
  kBackup,   // copy a file that has a schema to <file>.v<N>.backup first
  kNothing,  // its contents can be made again
};

// kMismatch: the file's version is above the last migration; nothing was changed.
base::Status migrate(Database& database, std::span<const Migration> migrations,
                     BeforeMigration before, const std::filesystem::path& file);

}  // namespace storage
