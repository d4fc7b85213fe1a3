"""Manifold-constrained hyper-connections: several residual streams (spec section 4.3)."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from layers import normal


class HyperConnection(nn.Module):
    """Around one sub-layer. `which` counts sub-layers: each starts reading mostly one stream."""

    def __init__(self, config, which):
        super().__init__()
        self.config = config
        n, width = config.hc_mult, config.hc_mult * config.hidden_size
        self.fn = normal((2 + n) * n, width, std=width**-0.5)
        read = torch.full((n,), -1.5)
        read[which % n] = 1.5
        write = torch.tensor([0.6 if (i - which) % n in (1, 2) else -0.6 for i in range(n)])
        self.base = nn.Parameter(torch.cat([read, write, torch.eye(n).flatten() * 3.0]))
        self.scale = nn.Parameter(torch.full((3,), 0.1))

    def forward(self, streams, sublayer, run):
        """streams [B, T, n, d]; sublayer: [B, T, d] -> [B, T, d]"""
        read, write, mix = self._coefficients(streams, run.switches.sinkhorn)
        out = sublayer((read.unsqueeze(-1) * streams).sum(-2)).float()
        return write.unsqueeze(-1) * out.unsqueeze(-2) + torch.matmul(mix.mT, streams)

    def _coefficients(self, streams, iterations):
        n, eps = self.config.hc_mult, self.config.hc_eps
        x = streams.flatten(-2)
        raw = F.linear(x, self.fn)
        raw = raw * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.config.rms_norm_eps)
        raw = raw * self.scale.repeat_interleave(torch.tensor([n, n, n * n], device=x.device))
        read, write, mix = (raw + self.base).split([n, n, n * n], -1)
        mix = torch.softmax(mix.unflatten(-1, (n, n)), -1) + eps
        mix = mix / (mix.sum(-2, keepdim=True) + eps)
        for _ in range(iterations - 1):
            mix = mix / (mix.sum(-1, keepdim=True) + eps)
            mix = mix / (mix.sum(-2, keepdim=True) + eps)
        return torch.sigmoid(read) + eps, 2 * torch.sigmoid(write), mix
