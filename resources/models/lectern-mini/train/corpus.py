"""The tokenised documents of one split, read in slices."""
import json
from pathlib import Path

import numpy as np


class Corpus:
    def __init__(self, data, split, vocabulary):
        """split: "train" or "held_out"; files of collect.py"""
        self.vocabulary = vocabulary
        self.ids = np.load(Path(data) / f"{split}.ids.npy", mmap_mode="r")
        self.table = json.loads((Path(data) / f"{split}.json").read_text())
        sizes = np.array([row["n"] for row in self.table])
        self.ends = np.cumsum(sizes)
        # Long documents count more, but not by their whole length.
        weight = np.minimum(sizes, 6000) ** 0.7
        self.cumulative = np.cumsum(weight / weight.sum())

    def pick(self, random):
        return min(int(np.searchsorted(self.cumulative, random.random())), len(self.table) - 1)

    def kind(self, document):
        return self.table[document]["kind"]

    def path(self, document):
        return self.table[document]["path"]

    def slice(self, document, n, random):
        """At most n tokens of whole lines, a list; empty when the lines are too long"""
        end = int(self.ends[document])
        begin = end - self.table[document]["n"]
        if end - begin <= n:
            return self.ids[begin:end].tolist()
        start = random.randrange(begin, end - n + 1)
        window = self.ids[max(begin, start - 1): start + n]
        borders = np.flatnonzero(self.vocabulary.ends_line[window])
        if start == begin:
            return window[: borders[-1] + 1].tolist() if len(borders) else []
        return window[borders[0] + 1: borders[-1] + 1].tolist() if len(borders) > 1 else []
