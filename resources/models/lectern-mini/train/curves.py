"""The log of a run as a picture.   python3 curves.py FILE.png LOG.jsonl [LOG.jsonl ...]

Several logs lie over each other by tokens: that is how Muon and AdamW are compared.
"""
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

PANELS = [("answer", "loss on answers, among the allowed tokens"),
          ("first", "first token of the quote is right"),
          ("opening", "quote or none is right"),
          ("text", "loss on text")]
SMOOTHED = 8  # lines of the log


def read_log(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def smooth(values):
    windows = [values[max(0, i - SMOOTHED + 1): i + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def draw(logs, file):
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), layout="constrained")
    for axis, (name, title) in zip(axes.flat, PANELS):
        for label, log in logs.items():
            lines = [line for line in log if name in line]
            tokens = [line["tokens"] / 1e6 for line in lines]
            axis.plot(tokens, smooth([line[name] for line in lines]), label=label)
        for log in logs.values():
            for before, line in zip(log, log[1:]):
                if before["stage"] != line["stage"] and len(logs) == 1:
                    axis.axvline(line["tokens"] / 1e6, color="0.8", linewidth=1)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("million tokens", fontsize=9)
        axis.grid(alpha=0.3)
    if len(logs) > 1:
        axes.flat[0].legend()
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    paths = sys.argv[2:]
    names = [Path(p).parent.name for p in paths]
    draw(dict(zip(names, map(read_log, paths))), sys.argv[1])
