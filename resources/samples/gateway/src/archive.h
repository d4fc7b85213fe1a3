// archive.h: readings on disk, one text file per segment.
#pragma once

#include <cstdio>
#include <string>

#include "queue.h"

#define SEGMENT_BYTES 4194304

class Archive {
 public:
  explicit Archive(std::string folder);
  ~Archive();

  // Drops an unfinished last line and continues behind it.
  bool open_newest_segment();
  bool append_reading(const Reading& reading);
  // Everything appended so far is on disk when this returns true.
  bool flush_to_disk();

 private:
  bool start_segment(int number);
  std::string segment_path(int number) const;

  std::string folder_;
  std::FILE* file_ = nullptr;
  int segment_ = 0;
  long written_ = 0;
};
