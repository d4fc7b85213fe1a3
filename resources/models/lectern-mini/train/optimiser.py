"""Muon for matrices, AdamW for the rest, one learning rate to scale both."""
import torch

from muon import Muon, is_matrix

ADAM_SHARES = {"embed": 2 / 3, "head": 1 / 3, "small": 1 / 3}  # of Muon's learning rate


class Optimiser:
    def __init__(self, model, learning_rate, rank=0, world=1, matrices="muon"):
        """matrices: "muon", or "adamw" for the comparison of the two"""
        groups, muon = {name: [] for name in ADAM_SHARES}, []
        for name, p in model.named_parameters():
            if matrices == "muon" and is_matrix(name):
                muon.append((name, p))
            else:
                groups[name if name in groups else "small"].append(p)
        self.muon = Muon(muon, learning_rate, rank, world)
        self.rates = [learning_rate * ADAM_SHARES[name] for name in groups]
        self.adam = torch.optim.AdamW(
            [{"params": ps, "weight_decay": 0.01 if name == "head" else 0.0}
             for name, ps in groups.items()],
            lr=learning_rate, betas=(0.9, 0.95), eps=1e-12, fused=True)

    def step(self, scale):
        for group, rate in zip(self.adam.param_groups, self.rates):
            group["lr"] = rate * scale
        adam_parameters = [p for g in self.adam.param_groups for p in g["params"]]
        norm = torch.nn.utils.clip_grad_norm_([p for p in adam_parameters if p.grad is not None],
                                              1.0)
        self.adam.step()
        self.muon.step(scale)
        return norm.item()

    def state(self):
        return {"muon": self.muon.state(), "adam": self.adam.state_dict()}

    def load(self, state):
        self.muon.load(state["muon"])
        groups = self.adam.state_dict()["param_groups"]
        self.adam.load_state_dict({"state": state["adam"]["state"], "param_groups": groups})
