#include "archive.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

Archive::Archive(std::string folder) : folder_(std::move(folder)) {}

Archive::~Archive() {
  if (file_ != nullptr) std::fclose(file_);
}

std::string Archive::segment_path(int number) const {
  return folder_ + "/segment-" + std::to_string(number) + ".txt";
}

bool Archive::open_newest_segment() {
  while (std::filesystem::exists(segment_path(segment_ + 1))) ++segment_;
  return start_segment(segment_);
}

bool Archive::start_segment(int number) {
  if (file_ != nullptr) std::fclose(file_);
  file_ = std::fopen(segment_path(number).c_str(), "a");
  segment_ = number;
  written_ = 0;
  return file_ != nullptr;
}

bool Archive::append_reading(const Reading& reading) {
  if (written_ > SEGMENT_BYTES && !start_segment(segment_ + 1)) return false;
  const int n = std::fprintf(file_, "%lld %s %s %.6g\n", reading.time, reading.sensor.c_str(),
                             reading.channel.c_str(), reading.value);
  if (n < 0) return false;
  written_ += n;
  return true;
}

bool Archive::flush_to_disk() {
  return std::fflush(file_) == 0 && fsync(fileno(file_)) == 0;
}
