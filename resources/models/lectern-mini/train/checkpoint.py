"""State of a training run on disk. A file is whole or not there."""
import os
from dataclasses import asdict
from pathlib import Path

import torch

from config import Config
from model import Model


def save_checkpoint(path, model, optimiser, progress):
    part = Path(str(path) + ".part")
    torch.save({"config": asdict(model.config), "model": model.state_dict(),
                "optimiser": optimiser.state(), "progress": progress}, part)
    os.replace(part, path)


def load_checkpoint(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def model_of(checkpoint):
    model = Model(Config(**checkpoint["config"]))
    model.load_state_dict(checkpoint["model"])
    return model
