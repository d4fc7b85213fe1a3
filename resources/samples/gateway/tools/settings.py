"""Settings of the gateway."""
import os

LISTEN_PORT = 8471
RETRY_DELAY = 2.5
ARCHIVE_FOLDER = "/var/lib/gateway"


class GatewaySettings:
    """Values that an operator may change."""

    def __init__(self, path):
        self.path = path
        self.values = {}

    def reload_values(self):
        with open(self.path) as handle:
            for line in handle:
                key, _, value = line.partition("=")
                self.values[key.strip()] = value.strip()

    def save_values(self):
        temporary = self.path + ".new"
        with open(temporary, "w") as handle:
            for key in sorted(self.values):
                handle.write(f"{key} = {self.values[key]}\n")
        os.replace(temporary, self.path)

    def port(self):
        return int(self.values.get("port", LISTEN_PORT))
