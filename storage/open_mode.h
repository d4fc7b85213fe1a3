// open_mode.h: what a database may be opened for.
#pragma once

namespace storage {

enum class OpenMode {
  kReadWrite,  // creates, migrates, repairs; needs the file to itself
  kReadOnly,   // changes no byte; also opens files of a newer version (best effort)
};

}  // namespace storage
