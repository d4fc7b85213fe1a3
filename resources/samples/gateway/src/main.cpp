// main.cpp: gateway PORT FOLDER
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "archive.h"
#include "listener.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: gateway PORT FOLDER\n");
    return 2;
  }
  Archive archive(argv[2]);
  if (!archive.open_newest_segment()) {
    std::perror(argv[2]);
    return 1;
  }
  ReadingQueue queue;
  std::thread writer([&] {
    Reading reading;
    for (int n = 0; queue.pop(reading); ++n) {
      archive.append_reading(reading);
      if (n % 100 == 99) archive.flush_to_disk();
    }
  });
  Listener listener(std::atoi(argv[1]), queue);
  const int result = listener.serve_clients();
  queue.close();
  writer.join();
  return result;
}
