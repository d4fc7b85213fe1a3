"""What one forward pass is given besides its tokens, and what its layers report."""
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

import rotary

STRIDE = 64  # window attention works on blocks of so many queries


@dataclass(frozen=True)
class Switches:
    quantised: bool = False  # simulate the checkpoint's number formats
    sparse: bool = False  # CSA attends to the indexer's top-k only
    index_loss: bool = False  # report how far the indexer is from the attention
    index_rows: int = 64  # query rows per 256 that the indexer is compared on
    sinkhorn: int = 6  # iterations; the checkpoint's own number when it counts


@dataclass
class ForwardPass:
    switches: Switches
    rope_window: torch.Tensor  # complex [T, rope / 2]
    rope_compressed: torch.Tensor
    window_mask: torch.Tensor  # [T / STRIDE, STRIDE, window + STRIDE], 0 or -1e30
    index_losses: list = field(default_factory=list)
    expert_loads: list = field(default_factory=list)  # (layer's MoE, tokens per expert)


def make_pass(model, positions, switches):
    """`positions` [T] int64, T a multiple of 128, shared by the batch. They may jump forward at
    multiples of 128 (the compressed blocks must not straddle a jump)."""
    window = model.config.sliding_window
    device = positions.device
    padded = F.pad(positions, (window, 0), value=-(10**9))
    n_blocks = len(positions) // STRIDE
    keys = torch.stack([padded[i * STRIDE: (i + 1) * STRIDE + window] for i in range(n_blocks)])
    distance = positions.view(n_blocks, STRIDE)[:, :, None] - keys[:, None, :]
    mask = torch.zeros(distance.shape, device=device)
    mask.masked_fill_((distance < 0) | (distance >= window), -1e30)
    return ForwardPass(
        switches,
        rotary.table(model.frequencies_window, positions),
        rotary.table(model.frequencies_compressed, positions),
        mask,
    )
