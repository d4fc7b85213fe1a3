"""Muon: momentum whose update is orthogonalised, for matrices (spec section 18.1)."""
import math

import torch
import torch.distributed as dist

MOMENTUM, DECAY, UPDATE_RMS = 0.95, 0.1, 0.18
# Eight steps that pull all singular values near 1 quickly, two that settle them there.
COEFFICIENTS = [(3.4445, -4.7750, 2.0315)] * 8 + [(2.0, -1.5, 0.5)] * 2

# Everything that is a matrix, but the embedding, the head and the hyper-connections' `fn`
# (read as part of their small coefficients).
MATRICES = ("wq_a.weight", "wq_b.weight", "wkv.weight", "wo_a", "wo_b.weight", "compressor.wkv",
            "compressor.wgate", "weights_proj", "w13", "w2", "ffn.gate")


def is_matrix(name):
    return name.endswith(MATRICES)


def orthogonalise(matrices):
    """Hybrid Newton-Schulz on a stack [n, r, c] with r <= c."""
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    if x.is_cuda:
        x = x.bfloat16()
    for a, b, c in COEFFICIENTS:
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.float()


def _independent(name, t):
    """The logically independent matrices in a parameter: each expert, w1 apart from w3."""
    if name.endswith("w13"):
        return t.reshape(-1, t.shape[-2] // 2, t.shape[-1])
    return t.reshape(-1, *t.shape[-2:])


class Muon:
    """Matrices of one shape go through the iteration together. With several processes each
    parameter is orthogonalised by one of them, since that costs a good part of a small step."""

    def __init__(self, parameters, learning_rate, rank=0, world=1):
        """parameters: [(name, parameter)]"""
        self.parameters, self.learning_rate = parameters, learning_rate
        self.rank, self.world = rank, world
        self.momentum = {name: torch.zeros_like(p) for name, p in parameters}
        self.owner, work = {}, [0] * world
        for name, p in sorted(parameters, key=lambda item: -item[1].numel()):
            self.owner[name] = work.index(min(work))
            work[self.owner[name]] += p.numel() * min(p.shape[-2:])

    @torch.no_grad()
    def step(self, scale):
        rate = self.learning_rate * scale
        for items in self._by_shape().values():
            updates = orthogonalise(torch.cat([g for _, _, g, _ in items]))
            for (_, p, g, flipped), update in zip(items, updates.split([len(i[2]) for i in items])):
                update = (update.mT if flipped else update).reshape(p.shape)
                size = UPDATE_RMS * math.sqrt(max(g.shape[-2:]))
                p.mul_(1 - rate * DECAY).sub_(update, alpha=rate * size)
        if self.world > 1:
            self._share()

    def _by_shape(self):
        groups = {}
        for name, p in self.parameters:
            if p.grad is None:
                continue
            momentum = self.momentum[name].mul_(MOMENTUM).add_(p.grad)
            if self.owner[name] != self.rank:
                continue
            g = _independent(name, p.grad + MOMENTUM * momentum)
            flipped = g.shape[-2] > g.shape[-1]
            g = g.mT if flipped else g
            groups.setdefault(tuple(g.shape[-2:]), []).append((name, p, g, flipped))
        return groups

    def _share(self):
        for rank in range(self.world):
            own = [p for name, p in self.parameters
                   if self.owner[name] == rank and p.grad is not None]
            flat = torch.cat([p.data.reshape(-1) for p in own])
            dist.broadcast(flat, rank)
            for p, values in zip(own, flat.split([p.numel() for p in own])):
                p.data.copy_(values.view_as(p))

    def state(self):
        return self.momentum

    def load(self, state):
        for name, buffer in self.momentum.items():
            buffer.copy_(state[name])
