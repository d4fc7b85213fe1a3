"""Positions of a training step: some far apart, so that a million is nothing new."""
import math

import torch

BLOCK = 128  # compressed blocks must not straddle a jump
LAST = 1_048_576


def make_positions(n_tokens, random, jumps):
    """[n_tokens] int64. With probability `jumps` one or two gaps of random size, and a start
    anywhere; otherwise 0, 1, 2, ..."""
    positions = torch.arange(n_tokens)
    if random.random() >= jumps:
        return positions
    for _ in range(random.choice([1, 1, 2])):
        at = random.randrange(1, max(2, n_tokens // BLOCK)) * BLOCK
        gap = int(2 ** random.uniform(0, math.log2(LAST / BLOCK))) * BLOCK
        if at < n_tokens and positions[-1] + gap < LAST:
            positions[at:] += gap
    if random.random() < 0.3:
        positions += random.randrange(0, (LAST - int(positions[-1])) // BLOCK) * BLOCK
    return positions
