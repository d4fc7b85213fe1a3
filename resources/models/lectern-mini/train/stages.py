"""What is trained when: a schedule is a list of stages, and a stage is data.

Contexts grow while the share of practice (tables, copying) falls. The indexer learns beside the
dense attention before the attention is cut down to what it selects. Rounding is felt only in
"settle", together with the falling learning rate, because that is where it costs nothing.
On the CPU 1,024 to 2,048 tokens at a time are fastest: what they need stays near the cache.
"""
from dataclasses import dataclass, replace

from samples import Mix


@dataclass(frozen=True)
class Stage:
    name: str
    mega_tokens: float
    n_tokens: int  # of a sample
    batch: int  # samples of one process at a time
    accumulate: int = 1
    mix: Mix = Mix()
    text_weight: float = 0.2
    text_share: float = 0.1  # of the text's tokens that are compared
    rate: float = 1.0  # of the run's learning rate
    warm_up: int = 40  # steps
    falls_to: float = 1.0  # cosine, over the stage
    jumps: float = 0.1  # share of steps with jumps in the positions
    index_loss: bool = False
    only_indexer: bool = False
    sparse: bool = False
    quantised: bool = False


PRACTICE = Mix(text=0.03, copying=0.06, looking_up=0.20, shortened=0.7)
MIXED = Mix(text=0.03, copying=0.05, looking_up=0.12, shortened=0.5)
REAL = Mix(text=0.03, copying=0.03, looking_up=0.08, shortened=0.2)

_SETTLE = Stage("settle", 8, 1024, 3, mix=REAL, falls_to=0.03, jumps=0.3, index_loss=True,
                sparse=True, quantised=True)

SCHEDULES = {
    # From random weights: copying first, it is the ground for all else.
    "scratch": [
        Stage("copy", 4, 256, 12, mix=Mix(text=0.1, copying=0.4, looking_up=0.25),
              text_weight=0.3),
        Stage("find 256", 16, 256, 12, mix=PRACTICE),
    ],
    # From a model that copies: 90 million tokens, some nights of two cores.
    "cpu": [
        Stage("find 256", 12, 256, 6, accumulate=2, mix=PRACTICE),
        Stage("find 512", 20, 512, 3, accumulate=2, mix=PRACTICE),
        Stage("index 1024", 0.4, 1024, 1, accumulate=3, mix=MIXED, index_loss=True,
              only_indexer=True),
        Stage("read 1024", 25, 1024, 1, accumulate=3, mix=MIXED, jumps=0.2, index_loss=True,
              sparse=True),
        Stage("read 2048", 25, 2048, 1, accumulate=2, mix=REAL, jumps=0.3, index_loss=True,
              sparse=True),
        replace(_SETTLE, n_tokens=2048, batch=1, accumulate=2),
    ],
    # An exportable model from any checkpoint of a longer run, which then goes on without it.
    "settle": [replace(_SETTLE, mega_tokens=1.5, n_tokens=512, batch=3, accumulate=2)],
    "gpu": [
        Stage("copy", 40, 256, 96, mix=Mix(text=0.1, copying=0.4, looking_up=0.25)),
        Stage("find 512", 400, 512, 64, mix=PRACTICE),
        Stage("index 1024", 10, 1024, 32, mix=MIXED, index_loss=True, only_indexer=True),
        Stage("read 1024", 250, 1024, 32, mix=MIXED, index_loss=True, sparse=True),
        Stage("read 4096", 200, 4096, 8, mix=REAL, jumps=0.3, index_loss=True, sparse=True),
        replace(_SETTLE, mega_tokens=100, n_tokens=4096, batch=8),
    ],
    # Minutes: shows that every part works.
    "smoke": [
        Stage("smoke", 0.05, 256, 4, mix=Mix(text=0.2, copying=0.5, looking_up=0.2), warm_up=4),
        Stage("smoke settle", 0.006, 256, 4, falls_to=0.1, jumps=1.0, index_loss=True,
              sparse=True, quantised=True),
    ],
}
