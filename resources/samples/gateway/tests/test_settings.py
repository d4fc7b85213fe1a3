import tempfile
import unittest
from pathlib import Path

from settings import LISTEN_PORT, GatewaySettings


class SettingsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self.folder.name) / "gateway.ini")

    def tearDown(self):
        self.folder.cleanup()

    def test_saved_values_come_back(self):
        settings = GatewaySettings(self.path)
        settings.values["port"] = "9000"
        settings.save_values()
        again = GatewaySettings(self.path)
        again.reload_values()
        self.assertEqual(again.port(), 9000)

    def test_port_has_a_default(self):
        self.assertEqual(GatewaySettings(self.path).port(), LISTEN_PORT)


if __name__ == "__main__":
    unittest.main()
