"""Rotary positions with YaRN on the layers that compress (spec section 5)."""
import math

import torch


def frequencies(config, compressed):
    """[rope / 2] fp32"""
    dim = config.qk_rope_head_dim
    base = config.compress_rope_theta if compressed else config.rope_theta
    step = torch.arange(dim // 2, dtype=torch.float32)
    plain = 1.0 / (base ** (step * 2 / dim))
    if not compressed:
        return plain

    def corner(rotations):
        turns = config.rope_original / (2 * math.pi * rotations)
        return dim * math.log(turns) / (2 * math.log(base))

    low = max(math.floor(corner(config.beta_fast)), 0)
    high = min(math.ceil(corner(config.beta_slow)), dim - 1)
    keep = 1 - ((step - low) / max(high - low, 1e-3)).clamp(0, 1)
    return plain / config.rope_factor * (1 - keep) + plain * keep


def table(freqs, positions):
    """complex [T, rope / 2]; the angle is rounded to fp32 before sine and cosine are taken"""
    angle = positions.to(torch.float32)[:, None] * freqs[None]
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x, rotation):
    """The last dimensions of x [..., D] turned by `rotation`, which broadcasts."""
    n = rotation.shape[-1] * 2
    pairs = torch.view_as_complex(x[..., -n:].float().unflatten(-1, (n // 2, 2)).contiguous())
    turned = torch.view_as_real(pairs * rotation).flatten(-2)
    return torch.cat([x[..., :-n], turned.to(x.dtype)], -1)
