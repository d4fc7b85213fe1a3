#include "app/cli/disk_speed.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "engine/page_memory.h"

namespace app {

double diskReadSpeed(std::span<engine::MappedFile* const> files, double seconds) {
  constexpr std::int64_t kPartBytes = 4 << 20;  // as long, and as many at once, as the engine reads
  constexpr int kThreads = 4;
  using Clock = std::chrono::steady_clock;
  std::vector<std::pair<const engine::MappedFile*, std::int64_t>> parts;
  for (const engine::MappedFile* file : files)
    for (std::int64_t at = 0; at + kPartBytes <= file->size(); at += kPartBytes)
      parts.push_back({file, at});
  std::atomic<std::size_t> next = 0, n_read = 0;
  const auto begin = Clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        const engine::PageMemory memory(kPartBytes);
        for (std::size_t part; (part = next++) < parts.size() && elapsed() < seconds;)
          if (parts[part].first->readAligned(parts[part].second, kPartBytes, memory.data()))
            ++n_read;
      });
  }
  return static_cast<double>(n_read) * kPartBytes / elapsed();
}

}  // namespace app
