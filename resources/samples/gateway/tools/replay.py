"""Send archived readings again, for example to a test gateway."""
import socket
import sys
import time
from pathlib import Path

REPLAY_SPEED = 20


def read_segments(folder):
    paths = sorted(Path(folder).glob("segment-*.txt"), key=lambda p: int(p.stem.split("-")[1]))
    for path in paths:
        with open(path) as handle:
            for line in handle:
                when, sensor, channel, value = line.split()
                yield int(when), sensor, channel, float(value)


def replay_archive(folder, host, port):
    started, first = time.time(), None
    links = {}
    for when, sensor, channel, value in read_segments(folder):
        first = first or when
        wait = (when - first) / REPLAY_SPEED - (time.time() - started)
        if wait > 0:
            time.sleep(wait)
        if sensor not in links:
            links[sensor] = socket.create_connection((host, port))
            links[sensor].sendall(f"{sensor}\n".encode())
        links[sensor].sendall(f"{when} {channel} {value}\n".encode())
    return len(links)


if __name__ == "__main__":
    replay_archive(sys.argv[1], sys.argv[2], int(sys.argv[3]))
