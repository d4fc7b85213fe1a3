"""A batch of samples to its loss and to the figures of the log."""
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F


@dataclass
class Batch:
    ids: torch.Tensor  # [B, T] int64
    rows: torch.Tensor  # [N] int64: places in the flattened ids before a token of an answer
    weights: torch.Tensor  # [N]
    forbidden: torch.Tensor  # [N, vocab] bool, what the decoder would not allow
    text_rows: torch.Tensor  # [M] int64: the same for tokens of the text
    openings: torch.Tensor  # [N] bool: <quote> or <none/>
    absent: torch.Tensor  # [N] bool: <none/>
    firsts: torch.Tensor  # [N] bool: the first token of a quote


def make_batch(samples, vocabulary, text_share, random):
    n_tokens = len(samples[0].ids)
    ids = torch.tensor([s.ids for s in samples])
    answer = np.stack([s.answer for s in samples])
    text = np.stack([s.text for s in samples]) & (answer == 0)
    rows = np.flatnonzero(answer)
    place = {row: i for i, row in enumerate(rows.tolist())}
    forbidden = torch.zeros(len(rows), vocabulary.size, dtype=torch.bool)
    for b, sample in enumerate(samples):
        for i, allowed in sample.allowed.items():
            if i < n_tokens:
                row = forbidden[place[b * n_tokens + i]]
                row[:] = True
                row[torch.from_numpy(np.asarray(allowed, dtype=np.int64))] = False
    opens = {b * n_tokens + i for b, s in enumerate(samples) for i in s.kinds if i < n_tokens}
    openings = torch.tensor([row in opens for row in rows.tolist()], dtype=torch.bool)
    absent = openings & (ids.view(-1)[torch.from_numpy(rows)] == vocabulary.none)
    before = ids.view(-1)[torch.from_numpy(rows - 1)]
    text_rows = np.flatnonzero(text)
    keep = np.random.default_rng(random.randrange(2**32)).random(len(text_rows)) < text_share
    return Batch(ids, torch.from_numpy(rows - 1), torch.from_numpy(answer.ravel()[rows]), forbidden,
                 torch.from_numpy(text_rows[keep] - 1), openings, absent,
                 before == vocabulary.open)


def compute_loss(model, batch, run, text_weight, only_indexer=False):
    """-> the loss, {name: (sum, count)}"""
    hidden = model(batch.ids, run).flatten(0, 1)
    targets = F.pad(batch.ids[:, 1:], (0, 1)).flatten()
    figures = {}

    def add(name, values):
        if values.numel():
            figures[name] = (values.float().sum().item(), values.numel())

    loss = hidden.sum() * 0
    if len(batch.rows):
        logits = model.logits(hidden[batch.rows]).masked_fill(batch.forbidden, -1e30)
        target = targets[batch.rows]
        each = F.cross_entropy(logits, target, reduction="none")
        loss = loss + (each * batch.weights).sum() / batch.weights.sum()
        right = logits.detach().argmax(-1) == target
        add("answer", each.detach())
        add("opening", right[batch.openings])
        add("says none", right[batch.absent])
        add("falsely none", ~right[batch.openings & ~batch.absent])
        add("first", right[batch.firsts])
        add("first loss", each.detach()[batch.firsts])
        add("token", right)
    if len(batch.text_rows) and text_weight:
        each = F.cross_entropy(model.logits(hidden[batch.text_rows]), targets[batch.text_rows],
                               reduction="none")
        loss = loss + text_weight * each.mean()
        add("text", each.detach())
    if run.index_losses:
        index = torch.stack(run.index_losses)
        add("index", index.detach())
        loss = (0 if only_indexer else loss) + index.mean()
    return loss, figures
