#include "listener.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <thread>

Listener::Listener(int port, ReadingQueue& queue) : port_(port), queue_(queue) {}

int Listener::serve_clients() {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<unsigned short>(port_));
  if (bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 1;
  if (listen(server, 16) != 0) return 1;
  while (!stopped_) {
    const int client = accept(server, nullptr, nullptr);
    if (client < 0) continue;
    if (n_clients_ >= MAX_CLIENTS) {
      (void)!write(client, "busy\n", 5);
      close(client);
      continue;
    }
    std::thread([this, client] { serve_one(client); }).detach();
  }
  close(server);
  return 0;
}

void Listener::serve_one(int client) {
  ++n_clients_;
  std::string sensor, line;
  char byte = 0;
  while (read(client, &byte, 1) == 1 && line.size() < LINE_BYTES) {
    if (byte != '\n') {
      line += byte;
      continue;
    }
    Reading reading;
    if (sensor.empty()) {
      sensor = line;
    } else if (parse_reading(line, reading)) {
      reading.sensor = sensor;
      queue_.push(reading);
    }
    line.clear();
  }
  close(client);
  --n_clients_;
}

bool parse_reading(std::string_view line, Reading& reading) {
  std::istringstream words{std::string(line)};
  return static_cast<bool>(words >> reading.time >> reading.channel >> reading.value);
}
