"""Train Lectern Mini.

    python3 train.py RUN --data DATA --schedule cpu --start MODEL    # MODEL: an exported folder
    python3 train.py RUN --data DATA --schedule cpu                  # goes on from RUN/last.pt

RUN gets last.pt (weights, optimiser, progress), log.jsonl. Every step draws its samples from the
seed and its own number alone, so a run that was stopped goes on as if it had not been.
"""
import argparse
import json
import math
import os
import time
from pathlib import Path
from random import Random

import torch

from checkpoint import load_checkpoint, model_of, save_checkpoint
from config import PRESETS
from corpus import Corpus
from forward_pass import Switches, make_pass
from loss import compute_loss, make_batch
from model import Model, parameter_counts
from official import read_official
from optimiser import Optimiser
from positions import make_positions
from samples import make_sample
from stages import SCHEDULES
from vocabulary import Vocabulary
from workers import Workers, launch

HERE = Path(__file__).parent
BALANCE_SPEED = 0.002


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("run", type=Path)
    add("--data", type=Path, required=True)
    add("--schedule", choices=SCHEDULES, default="cpu")
    add("--start", type=Path, help="an exported folder or a checkpoint; else random weights")
    add("--keep-optimiser", action="store_true", help="also take the optimiser of --start")
    add("--preset", choices=PRESETS, default="cpu")
    add("--matrices", choices=["muon", "adamw"], default="muon")
    add("--rate", type=float, default=0.006, help="learning rate")
    add("--workers", type=int, default=2)
    add("--device", default="cpu")
    add("--seed", type=int, default=0)
    add("--save", type=float, default=8, help="minutes between checkpoints")
    add("--steps", type=int, default=0, help="end after so many; 0: when the schedule does")
    add("--log", type=int, default=20, help="steps between lines of the log")
    return parser.parse_args()


class Training:
    def __init__(self, arguments, workers):
        self.arguments, self.workers = arguments, workers
        self.device = torch.device(arguments.device)
        self.progress = {"step": 0, "stage": 0, "stage_tokens": 0, "stage_steps": 0, "tokens": 0,
                         "seconds": 0.0, "started_from": str(arguments.start or "random weights")}
        checkpoint = self._open()
        self.model.to(self.device)
        self.optimiser = Optimiser(self.model, arguments.rate, workers.rank, workers.count,
                                   arguments.matrices)
        if checkpoint:
            self.optimiser.load(checkpoint["optimiser"])
        vocabulary = Vocabulary(HERE.parent)
        self.corpus = Corpus(arguments.data, "train", vocabulary)
        self.stages = SCHEDULES[arguments.schedule]
        self.figures, self.saved_at = {}, time.time()
        self.last_step = self.progress["step"] + arguments.steps if arguments.steps else math.inf
        self.log_since = (time.time(), self.progress["tokens"])

    def _open(self):
        """Makes the model; -> the checkpoint whose optimiser it goes on with, if any"""
        arguments, last = self.arguments, self.arguments.run / "last.pt"
        start = last if last.exists() else arguments.start
        torch.manual_seed(arguments.seed)
        if start is None:
            self.model = Model(PRESETS[arguments.preset])
        elif start.is_dir():
            self.model = read_official(start)
        else:
            checkpoint = load_checkpoint(start)
            self.model = model_of(checkpoint)
            if start == last:
                self.progress = checkpoint["progress"]
            return checkpoint if start == last or arguments.keep_optimiser else None
        return None

    def run(self):
        if self.workers.is_first:
            total, active = parameter_counts(self.model)
            print(f"{total / 1e6:.2f} M parameters, {active / 1e6:.2f} M active", flush=True)
        while self.progress["stage"] < len(self.stages):
            stage = self.stages[self.progress["stage"]]
            if self._run_stage(stage):
                break
            self.progress |= {"stage": self.progress["stage"] + 1, "stage_tokens": 0,
                              "stage_steps": 0}
        self._save()

    def _run_stage(self, stage):
        """True when the run is to end before its schedule does"""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(not stage.only_indexer or "indexer" in name)
            parameter.grad = None
        while self.progress["stage_tokens"] < stage.mega_tokens * 1e6:
            began = time.time()
            stop = self._step(stage)
            self.progress["seconds"] += time.time() - began
            if self.workers.is_first:
                if self.progress["step"] % self.arguments.log == 0:
                    self._write_log(stage)
                if time.time() - self.saved_at > self.arguments.save * 60:
                    self._save()
            if stop or self.progress["step"] >= self.last_step:
                return True
        return False

    def _scale(self, stage):
        """of the learning rate"""
        scale = min(1.0, (self.progress["stage_steps"] + 1) / stage.warm_up)
        done = min(1.0, self.progress["stage_tokens"] / (stage.mega_tokens * 1e6))
        fall = 0.5 * (1 + math.cos(math.pi * done))
        return stage.rate * scale * (stage.falls_to + (1 - stage.falls_to) * fall)

    def _step(self, stage):
        step, seed = self.progress["step"], self.arguments.seed
        random = Random(f"{seed} {step} {self.workers.rank}")
        torch.manual_seed(hash((seed, step)) % 2**31)
        switches = Switches(quantised=stage.quantised, sparse=stage.sparse,
                            index_loss=stage.index_loss)
        layers = [layer.ffn for layer in self.model.layers]
        counts = torch.zeros(len(layers), self.model.config.n_routed_experts)
        for _ in range(stage.accumulate):
            samples = [make_sample(self.corpus, random, stage.n_tokens, stage.mix)
                       for _ in range(stage.batch)]
            batch = make_batch(samples, self.corpus.vocabulary, stage.text_share, random)
            batch = type(batch)(**{k: v.to(self.device) for k, v in vars(batch).items()})
            positions = make_positions(stage.n_tokens, random, stage.jumps).to(self.device)
            forward_pass = make_pass(self.model, positions, switches)
            with torch.autocast(self.device.type, torch.bfloat16,
                                enabled=self.device.type == "cuda"):
                loss, figures = compute_loss(self.model, batch, forward_pass, stage.text_weight,
                                             stage.only_indexer)
            (loss / stage.accumulate).backward()
            self._add_figures(figures)
            for i, (_, load) in enumerate(forward_pass.expert_loads):
                counts[i] += load.cpu()
        return self._update(stage, layers, counts, batch.ids.numel())

    def _update(self, stage, layers, counts, n_tokens):
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        stop = self.workers.average_gradients(parameters, counts)
        norm = self.optimiser.step(self._scale(stage))
        self._add_figures({"gradient": (norm, 1)})
        if not stage.only_indexer:
            for layer, load in zip(layers, counts):
                layer.balance(load.to(self.device), BALANCE_SPEED)
        for p in parameters:
            p.grad = None
        n_tokens *= stage.accumulate * self.workers.count
        for name, amount in (("step", 1), ("stage_steps", 1), ("tokens", n_tokens),
                             ("stage_tokens", n_tokens)):
            self.progress[name] += amount
        return stop

    def _add_figures(self, figures):
        for name, (total, count) in figures.items():
            before = self.figures.get(name, (0.0, 0))
            self.figures[name] = (before[0] + total, before[1] + count)

    def _write_log(self, stage):
        now, tokens = time.time(), self.progress["tokens"]
        since, before = self.log_since
        line = {"step": self.progress["step"], "tokens": tokens, "stage": stage.name,
                "minutes": round(self.progress["seconds"] / 60, 1),
                "tokens_per_s": round((tokens - before) / (now - since)),
                "rate": round(self.arguments.rate * self._scale(stage), 6)}
        line |= {name: round(total / count, 4) for name, (total, count) in self.figures.items()}
        self.figures, self.log_since = {}, (now, tokens)
        with open(self.arguments.run / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def _save(self):
        if self.workers.is_first:
            save_checkpoint(self.arguments.run / "last.pt", self.model, self.optimiser,
                            self.progress)
            self.saved_at = time.time()


def main():
    arguments = parse_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Shapes differ from step to step; a thousand kept kernels would be half a gigabyte a process.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    launch(arguments.workers)
    torch.set_num_threads(1 if arguments.device == "cpu" else 8)
    # oneDNN instead of MKL for fp32 products: the same numbers, twice as fast on AMD.
    torch.set_float32_matmul_precision("medium")
    arguments.run.mkdir(parents=True, exist_ok=True)
    Training(arguments, Workers(arguments.workers)).run()


if __name__ == "__main__":
    main()
