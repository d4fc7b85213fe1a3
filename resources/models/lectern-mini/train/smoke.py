"""Every part of the recipe once, in a few minutes on a CPU.

    python3 smoke.py --lectern build/release/bin/lectern

Random weights, this repository's own text. Fails when the words of a question tell whether it has
an answer, when the loss does not fall, when a run that was stopped does not go on bit for bit, or
when the engine does not compute what training computed.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer

import collect
import engine_check
from checkpoint import load_checkpoint, model_of
from corpus import Corpus
from official import write_official
from questions import NONE_SHARE, PHRASES
from samples import asking_sample
from vocabulary import Vocabulary

HERE = Path(__file__).parent
PROJECT = HERE.parents[3]
ROOMS = {"train": ["app", "engine", "ingest", "kernels", "storage"], "held_out": ["ui"]}


def make_data(data):
    tokenizer, seen = Tokenizer.from_file(str(HERE.parent / "tokenizer.json")), set()
    for split, rooms in ROOMS.items():
        (data / "src").mkdir(parents=True, exist_ok=True)
        for room in rooms:
            (data / "src" / room).symlink_to(PROJECT / room)
        ids, table, _ = collect.collect_split(rooms, data, tokenizer, seen)
        collect.save_split(ids, table, data / split)


def none_is_even(data):
    """Of every kind of question about the same share has no answer (kinds asked often enough)."""
    vocabulary, random = Vocabulary(HERE.parent), Random("none")
    corpus, asked, without = Corpus(data, "train", vocabulary), Counter(), Counter()
    for number in range(3000):
        sample = asking_sample(corpus, random, 256, shortened=True, tables=number % 4 == 0)
        for place, kind in sample.kinds.items():
            asked[kind] += 1
            without[kind] += sample.ids[place] == vocabulary.none
    shares = {kind: without[kind] / asked[kind] for kind in PHRASES if asked[kind] >= 200}
    print("without an answer:", ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items()))
    return len(shares) >= 4 and all(abs(share - NONE_SHARE) < 0.06 for share in shares.values())


def train(run, data, *more):
    command = [sys.executable, HERE / "train.py", run, "--data", data, "--schedule", "smoke",
               "--workers", "1", "--log", "1", *more]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def loss_falls(log):
    lines = [line["text"] for line in log if line["stage"] == "smoke" and "text" in line]
    first, last = np.mean(lines[:5]), np.mean(lines[-10:])
    print(f"loss on text: {first:.2f} in the first steps, {last:.2f} in the last of {len(log)}")
    return last < first - 1.0


def goes_on(scratch, data):
    train(scratch / "through", data, "--steps", "4")
    train(scratch / "stopped", data, "--steps", "2")
    train(scratch / "stopped", data, "--steps", "2")
    one, other = (load_checkpoint(scratch / name / "last.pt")["model"]
                  for name in ("through", "stopped"))
    same = all(torch.equal(one[name], other[name]) for name in one)
    print("a run that was stopped goes on", "bit for bit" if same else "DIFFERENTLY")
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lectern", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        make_data(scratch / "data")
        good = none_is_even(scratch / "data")
        good &= goes_on(scratch, scratch / "data")
        good &= loss_falls(train(scratch / "run", scratch / "data"))
        size = write_official(model_of(load_checkpoint(scratch / "run/last.pt")), scratch / "mini")
        print(f"exported {size / 1e6:.1f} MB")
        good &= engine_check.check(arguments.lectern, scratch / "mini")
    print("good" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
