// paths.h: where databases, models, logs and the sibling programs lie.
#pragma once

#include <filesystem>
#include <string>

#include "engine/base/result.h"

namespace app {

// What the user said; empty = not said.
struct PathOptions {
  std::filesystem::path data;   // --data
  std::filesystem::path model;  // --model: a folder or a file
};

struct Paths {
  std::filesystem::path data;            // session.db and snapshots.db; made with mode 0700
  std::filesystem::path model;           // never empty; may not exist
  std::filesystem::path log;             // folder of the log files, below `data`
  std::filesystem::path engine_program;  // lectern-engine, beside this program
  std::filesystem::path reader_program;  // lectern-reader, beside this program
};

// Default data folder: $XDG_DATA_HOME/lectern, or ~/.local/share/lectern. Default model: the
// bundled one, beside an installation or in the source tree this was built from. Touches no disk
// except to look for the model.
base::Result<Paths> resolvePaths(const PathOptions& options);

// Makes the data and log folders, readable by their owner alone. kIo with the reason.
base::Status makeFolders(const Paths& paths);

// A program or folder of this installation: beside /proc/self/exe.
std::filesystem::path siblingProgram(const std::string& name);
// Folder of the bundled samples (a small code tree and a PDF); empty when they are not there.
std::filesystem::path samplesFolder();

}  // namespace app
