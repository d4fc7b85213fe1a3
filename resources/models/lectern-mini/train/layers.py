"""Small parts that several layers are made of."""
import torch
import torch.nn as nn
import torch.nn.functional as F

import formats


def rms_norm(x, weight, eps):
    y = x.float()
    y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + eps)
    return y if weight is None else y * weight


def normal(*shape, std):
    return nn.Parameter(torch.randn(*shape) * std)


class Linear(nn.Module):
    """FP8 weight [out, in] and FP8 activations, when they are simulated."""

    def __init__(self, n_in, n_out, scale=1.0):
        super().__init__()
        self.weight = normal(n_out, n_in, std=scale * n_in**-0.5)

    def forward(self, x, quantised):
        weight = self.weight
        if quantised:
            weight = formats.feel_fp8_weight(weight)
            x = formats.feel(x, formats.activation_fp8)
        return F.linear(x, weight.to(x.dtype))
