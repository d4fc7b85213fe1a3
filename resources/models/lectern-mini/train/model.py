"""The differentiable V4 model. Attention and experts have files of their own."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from attention import Attention
from experts import Experts
from hyper_connection import HyperConnection
from layers import normal, rms_norm
from rotary import frequencies


class Layer(nn.Module):
    def __init__(self, config, index):
        super().__init__()
        self.eps = config.rms_norm_eps
        self.hc_attn = HyperConnection(config, 2 * index)
        self.hc_ffn = HyperConnection(config, 2 * index + 1)
        self.attn_norm = nn.Parameter(torch.ones(config.hidden_size))
        self.ffn_norm = nn.Parameter(torch.ones(config.hidden_size))
        self.attn = Attention(config, index)
        self.ffn = Experts(config, index)

    def forward(self, streams, ids, run):
        streams = self.hc_attn(
            streams, lambda x: self.attn(rms_norm(x, self.attn_norm, self.eps), run), run)
        return self.hc_ffn(
            streams, lambda x: self.ffn(rms_norm(x, self.ffn_norm, self.eps), ids, run), run)


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        n, width = config.hc_mult, config.hc_mult * config.hidden_size
        self.embed = normal(config.vocab_size, config.hidden_size, std=0.5)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.num_hidden_layers))
        self.hc_head_fn = normal(n, width, std=width**-0.5)
        self.hc_head_base = nn.Parameter(torch.zeros(n))
        self.hc_head_scale = nn.Parameter(torch.full((1,), 0.1))
        self.norm = nn.Parameter(torch.ones(config.hidden_size))
        self.head = normal(config.vocab_size, config.hidden_size, std=0.02)
        for name, compressed in (("window", False), ("compressed", True)):
            table = frequencies(config, compressed)
            self.register_buffer(f"frequencies_{name}", table, persistent=False)

    def forward(self, ids, run):
        """ids [B, T] -> hidden states [B, T, d]; logits() of those that matter is the caller's"""
        streams = self.embed[ids].unsqueeze(2).repeat(1, 1, self.config.hc_mult, 1)
        for layer in self.layers:
            streams = layer(streams, ids, run)
        x = streams.flatten(-2)
        raw = F.linear(x, self.hc_head_fn)
        raw = raw * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.config.rms_norm_eps)
        weight = torch.sigmoid(raw * self.hc_head_scale + self.hc_head_base) + self.config.hc_eps
        return rms_norm((weight.unsqueeze(-1) * streams).sum(-2), self.norm,
                        self.config.rms_norm_eps)

    def logits(self, hidden):
        return F.linear(hidden, self.head.to(hidden.dtype)).float()


def parameter_counts(model):
    """all, and those that take part in one token"""
    total = sum(p.numel() for p in model.parameters())
    routed = sum(layer.ffn.w13.numel() + layer.ffn.w2.numel() for layer in model.layers)
    share = model.config.num_experts_per_tok / model.config.n_routed_experts
    return total, int(total - model.embed.numel() - routed * (1 - share))
