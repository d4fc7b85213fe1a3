"""The lightning indexer: which entries a CSA layer attends to (spec sections 8, 18.3)."""
import torch
import torch.nn as nn
import torch.nn.functional as F

import formats
from compressor import Compressor
from layers import Linear, normal
from rotary import rotate


def _rounded(x, quantised):
    # The rotation alone changes no inner product, so without rounding there is nothing to do.
    return formats.feel(formats.hadamard(x), formats.activation_fp4) if quantised else x


class Indexer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        width = config.index_n_heads * config.index_head_dim
        self.wq_b = Linear(config.q_lora_rank, width)
        std = config.hidden_size**-0.5
        self.weights_proj = normal(config.index_n_heads, config.hidden_size, std=std)
        self.compressor = Compressor(config, 4, config.index_head_dim)

    def forward(self, x, latent, rope, quantised):
        """x [B, T, d], latent [B, T, q_lora] -> queries [B, T, h, w], head weights [B, T, h], keys
        [B, T / 4, w]. Both inputs come detached: the indexer learns from its own loss only."""
        heads, width = self.config.index_n_heads, self.config.index_head_dim
        query = self.wq_b(latent, quantised).unflatten(-1, (heads, width))
        query = _rounded(rotate(query, rope[:, None]), quantised)
        weight = F.linear(x, self.weights_proj) * (width * heads) ** -0.5
        keys = self.compressor(x, rope[::4][: x.shape[1] // 4])
        return query, weight, _rounded(keys, quantised)


def index_scores(query, weight, keys):
    """[B, T, h, w], [B, T, h], [B, E, w] -> [B, T, E]"""
    scores = torch.matmul(query.flatten(1, 2), keys.transpose(1, 2))
    scores = F.relu(scores).unflatten(1, query.shape[1:3])
    return (scores * weight[..., None]).sum(2)


def index_divergence(attention, scores, mask):
    """KL(attention || softmax(scores)) over the entries that `mask` [.., T, E] leaves.
    attention [B, T, h, E]: probabilities, detached."""
    target = attention.sum(2)
    mass = target.sum(-1, keepdim=True)
    target = target / (mass + 1e-9)
    guess = torch.log_softmax(scores + mask, -1).clamp_min(-60)
    divergence = (target * (torch.log(target + 1e-9) - guess)).sum(-1)
    return (divergence * (mass[..., 0] > 1e-4)).mean()
