"""The exported checkpoint in the engine against the training model.

    python3 engine_check.py FOLDER --lectern build/release/bin/lectern

Two comparisons on one prompt, by rows (root mean square of the difference over that of the expected
logits), with the tolerances of the golden data:
  numerics none      the weights as exported, no rounding of activations: rows within 1e-4
  numerics official  the training model's simulation, which keeps fp32 between the steps where the
                     engine keeps bf16: median row within 8e-2, best token equal in 9 of 10 places
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from forward_pass import Switches, make_pass
from official import read_official
from vocabulary import Vocabulary

PROMPT = """=== gateway/settings.py ===
LISTEN_PORT = 8471
MAX_CLIENTS = 96
RETRY_DELAY = 2.5


class GatewaySettings:
    def reload_values(self):
        with open(self.path) as handle:
            return parse(handle)


def open_socket(address):
    return socket.create_connection(address)


"""
QUESTION = "\n\nWhere is reload_values defined?"


@torch.no_grad()
def training_logits(folder, ids, quantised):
    """[T, vocab]. The exported weights are on their grids, so rounding them again changes nothing;
    `quantised` is about activations, KV and index keys."""
    model = read_official(folder)
    padded = torch.tensor([ids + [1] * (-len(ids) % 128)])
    switches = Switches(quantised=quantised, sparse=True, sinkhorn=model.config.hc_sinkhorn_iters)
    hidden = model(padded, make_pass(model, torch.arange(padded.shape[1]), switches))
    return model.logits(hidden[0, : len(ids)])


def engine_logits(lectern, folder, ids, numerics):
    with tempfile.TemporaryDirectory() as scratch:
        tokens, out = Path(scratch) / "tokens.json", Path(scratch) / "logits.safetensors"
        tokens.write_text(json.dumps(ids))
        subprocess.run([lectern, "logits", "--model", folder, "--data", scratch, "--tokens", tokens,
                        "--out", out, "--numerics", numerics], check=True, capture_output=True)
        return load_file(str(out))["logits"]


def compare(expected, found):
    """(worst row, median row, share of equal best tokens)"""
    rows = (found - expected).square().mean(-1).sqrt() / expected.square().mean(-1).sqrt()
    same = (found.argmax(-1) == expected.argmax(-1)).float().mean()
    return rows.max().item(), rows.median().item(), same.item()


def check(lectern, folder):
    """True when both comparisons hold"""
    v = Vocabulary(folder)
    ids = [v.begin] + v.encode("Answer with quotes from the text.") + [v.user]
    ids += v.encode(PROMPT) + v.encode(QUESTION) + [v.assistant, v.end_think, v.open]
    good = True
    for numerics in ("none", "official"):
        expected = training_logits(folder, ids, numerics == "official")
        worst, median, same = compare(expected, engine_logits(lectern, folder, ids, numerics))
        holds = worst <= 1e-4 if numerics == "none" else median <= 8e-2 and same >= 0.9
        print(f"numerics {numerics}: worst row {worst:.1e}, median row {median:.1e}, "
              f"best token equal in {same:.0%}: {'good' if holds else 'WRONG'}")
        good &= holds
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lectern", type=Path, required=True)
    arguments = parser.parse_args()
    sys.exit(0 if check(arguments.lectern, arguments.folder) else 1)
