"""Exact-quote accuracy on packages never seen in training.

    python3 evaluate.py MODEL --data DATA [--lengths 256 512 1024] [--count 50] [--json FILE]

MODEL is an exported folder or a checkpoint. One question per context. Decoding is greedy under the
quote constraint, as the product decodes: an answer is exact when at every step the right token is
the best of those allowed. All models get the same questions.
"""
import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch

from checkpoint import load_checkpoint, model_of
from corpus import Corpus
from forward_pass import Switches, make_pass
from official import read_official
from questions import ask
from quote_places import QuotePlaces
from samples import read_documents
from vocabulary import Vocabulary

HERE = Path(__file__).parent
KINDS = ("definition", "use", "value", "mention", "about", "planted", "none")
# The checkpoint as the engine runs it: rounding, top-k, all of Sinkhorn's iterations.
SWITCHES = Switches(quantised=True, sparse=True, sinkhorn=20)


@dataclass
class Case:
    kind: str
    prompt: list
    answer: list
    allowed: list  # of each token of the answer; None: all


def make_case(corpus, random, n_tokens, kind):
    """A context of at most n_tokens with one question of that kind, or None"""
    v = corpus.vocabulary
    for _ in range(60):
        reading, planted = read_documents(corpus, random, n_tokens - 60, int(kind == "planted"))
        questions = (ask(reading, planted, corpus, random, 1, none_share=1) if kind == "none" else
                     ask(reading, planted, corpus, random, 1, {kind}, none_share=0))
        if not questions:
            continue
        prompt = reading.ids + v.encode("\n\n") + v.encode(questions[0].text)
        prompt += [v.assistant, v.end_think]
        if questions[0].line is None:
            case = Case(kind, prompt, [v.none, v.end], [None, None])
        else:
            line = reading.lines[questions[0].line]
            quote = reading.ids[line.begin: line.end]
            places = QuotePlaces(np.array(reading.ids), np.array(reading.quotable), v)
            choices, _ = places.allowed(quote)
            case = Case(kind, prompt, [v.open] + quote + [v.close], [None] + choices)
        if len(case.prompt) + len(case.answer) <= n_tokens:
            return case
    return None


def make_cases(corpus, n_tokens, count, seed=1):
    cases = []
    for kind in KINDS:
        random = Random(f"{seed} {n_tokens} {kind}")
        cases += [make_case(corpus, random, n_tokens, kind) for _ in range(count)]
    return [case for case in cases if case]


@torch.no_grad()
def answer_steps(model, cases, n_tokens, switches, vocabulary):
    """For each case: bool per token of its answer, is it the best of those allowed; and whether
    the model would say <none/>"""
    padded = [c.prompt + c.answer + [vocabulary.end] * (n_tokens - len(c.prompt) - len(c.answer))
              for c in cases]
    hidden = model(torch.tensor(padded), make_pass(model, torch.arange(n_tokens), switches))
    for case, states in zip(cases, hidden):
        begin = len(case.prompt) - 1
        logits = model.logits(states[begin: begin + len(case.answer)])
        says_none = logits[0].argmax().item() == vocabulary.none
        right = []
        for row, token, allowed in zip(logits, case.answer, case.allowed):
            if allowed is None:
                right.append(row.argmax().item() == token)
            else:
                right.append(allowed[row[torch.from_numpy(allowed.astype(np.int64))].argmax()]
                             == token)
        yield right, says_none


def score(model, cases, n_tokens, vocabulary, switches=SWITCHES):
    """{kind: {count, exact, first, says_none}} and the F1 of saying <none/>"""
    scores = {kind: {"count": 0, "exact": 0, "first": 0, "says_none": 0} for kind in KINDS}
    step = max(1, 2048 // n_tokens)
    for at in range(0, len(cases), step):
        some = cases[at: at + step]
        for case, (right, says_none) in zip(
                some, answer_steps(model, some, n_tokens, switches, vocabulary)):
            row = scores[case.kind]
            row["count"] += 1
            row["exact"] += all(right)
            row["first"] += all(right[:2])
            row["says_none"] += says_none
    return scores


def none_f1(scores):
    said = sum(row["says_none"] for row in scores.values())
    true, rightly = scores["none"]["count"], scores["none"]["says_none"]
    return 2 * rightly / (said + true) if said + true else 0.0


def false_none(scores):
    """Share of the questions with an answer that get <none/>"""
    rows = [row for kind, row in scores.items() if kind != "none"]
    return sum(row["says_none"] for row in rows) / max(1, sum(row["count"] for row in rows))


def open_model(path):
    return read_official(path) if Path(path).is_dir() else model_of(load_checkpoint(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lengths", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--count", type=int, default=50, help="questions of a kind and length")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("medium")
    vocabulary = Vocabulary(HERE.parent)
    corpus, model = Corpus(arguments.data, "held_out", vocabulary), open_model(arguments.model)
    table = {}
    for n_tokens in arguments.lengths:
        cases = make_cases(corpus, n_tokens, arguments.count, arguments.seed)
        scores = score(model, cases, n_tokens, vocabulary)
        table[n_tokens] = {"kinds": scores, "none_f1": round(none_f1(scores), 3)}
        shown = " ".join(f"{kind} {row['exact'] / max(1, row['count']):.0%}"
                         f"/{row['first'] / max(1, row['count']):.0%}"
                         for kind, row in scores.items())
        print(f"{n_tokens}: {shown} F1 {none_f1(scores):.2f} falsely none {false_none(scores):.0%}",
              flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
