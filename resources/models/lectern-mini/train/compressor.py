"""Every `ratio` tokens become one entry (spec section 7)."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from layers import normal, rms_norm
from rotary import rotate


class Compressor(nn.Module):
    """Ratio 4 overlaps: an entry pools its own four tokens through the second half of the channels
    and the four before them through the first half."""

    def __init__(self, config, ratio, width):
        super().__init__()
        self.config, self.ratio, self.width = config, ratio, width
        channels = (2 if ratio == 4 else 1) * width
        std = config.hidden_size**-0.5
        self.wkv = normal(channels, config.hidden_size, std=0.5 * std)
        self.wgate = normal(channels, config.hidden_size, std=0.1 * std)
        self.norm = nn.Parameter(torch.ones(width))
        self.ape = nn.Parameter(self._initial_bias(channels))

    def _initial_bias(self, channels):
        """With ratio 4 each token of a block starts with a quarter of the channels to itself:
        copying through an entry needs its tokens apart."""
        bias = torch.zeros(self.ratio, channels)
        if self.ratio == 4:
            plain = self.width - self.config.qk_rope_head_dim
            for i in range(4):
                begin = self.width + i * plain // 4
                bias[i, begin: self.width + (i + 1) * plain // 4] = 4.0
            bias[:, :plain] = -1.0
        return bias

    def forward(self, x, rope):
        """x [B, T, d] -> entries [B, T // ratio, width]; rope: of each entry's first position"""
        n_entries = x.shape[1] // self.ratio
        blocks = x[:, : n_entries * self.ratio].float().unflatten(1, (n_entries, self.ratio))
        value = F.linear(blocks, self.wkv)
        gate = F.linear(blocks, self.wgate) + self.ape
        if self.ratio == 4:
            value, gate = self._overlapped(value, 0.0), self._overlapped(gate, -1e30)
        pooled = (torch.softmax(gate, 2) * value).sum(2)
        return rotate(rms_norm(pooled, self.norm, self.config.rms_norm_eps), rope)

    def _overlapped(self, t, missing):
        """[B, E, 4, 2w] -> [B, E, 8, w]; `missing` stands before the first block"""
        before, own = t.split(self.width, -1)
        before = F.pad(before[:, :-1], (0, 0, 0, 0, 1, 0), value=missing)
        return torch.cat([before, own], 2)
