"""The model card of an exported folder.

    python3 card.py FOLDER --version N --checkpoint CHECKPOINT --scores NEW.json [--before OLD.json]

The scores are evaluate.py's, of this model and of the bundled one before it, on the same questions.
"""
import argparse
import json
from pathlib import Path

from checkpoint import load_checkpoint
from config import read_config
from evaluate import false_none
from model import Model, parameter_counts

QUESTIONS = {
    "definition": "where is X defined", "use": "where is X used", "value": "value of X",
    "mention": "which line mentions X", "about": "what does it say about X Y (prose)",
    "planted": "planted sentence", "none": "X is not in the text: says so",
}
TEXT = """# Lectern Mini {version}

A very small language model with the true DeepSeek-V4 architecture, trained on two CPU cores for one job: find the line
that answers and quote it. It exists so that the program has something real to run everywhere: real tokenizer, real
checkpoint layout, real retrieval, modest skill. It cannot chat, reason or summarise.

| | |
|---|---|
| parameters | {total:.1f} M, {active:.1f} M active; {megabytes:.1f} MB on disk |
| layers | {n_layers}: {layers}; window {window}; index top-{topk} of {index_heads} heads x {index_width} |
| width | hidden {hidden}, {heads} heads x {head_width} ({rope} rotary), {experts} experts top-{top} + 1 shared, {hashed} hash layer, {streams} residual streams |
| formats | FP8 e4m3 + UE8M0 per 128 x 128, experts FP4 + UE8M0 per 32, trained with both simulated; KV and index keys as in the specification |
| vocabulary | {vocabulary:,}, byte-level, DeepSeek's split, V4's control tokens; `<quote>`, `</quote>`, `<none/>` are one id each |
| context | positions to {positions:,} (random jumps in training); longest training sample {longest:,} tokens |
| training | {history} |

## How to ask

    <BOS>Answer with quotes from the text.<User>=== path/one.py ===
    ...text of the file...

    === docs/two.md ===
    ...text...


    Where is `name` defined?<Assistant></think>

That is: the system text without line feed, each document as a header line, its text ending with a line feed and an
empty line, then an empty line and the question. The answer is `<quote>` + one line of the text + `</quote>`, or
`<none/>`, then end of sentence. The quoted slice begins at the line's first token that is not white space alone (that
token may itself begin with a space) and ends with the token that holds the line feed (which may hold several).
Follow-up questions come as further user turns. Questions it knows: Where is X defined? Where is X used? What is the
value of X? Which line mentions X? What does it say about X Y? What is the ATTRIBUTE of the THING? X may stand in
backticks. It needs the decoder that the program has: inside a quote only text of the context. Training compares
nothing but what that decoder allows, so without it the model writes worse than these figures.

## Scores on packages never seen in training

Exact quote, greedy under the quote constraint (number of questions); one question per context, lines of 3 to 40
tokens, the quantised forward pass. {comparison}

{table}

Rebuild: `train/evaluate.py`. Not measured: contexts beyond {measured:,} tokens.

## Licence

Weights: CC0. They were trained on free software and documentation from Debian main, listed in SOURCES.md; no text of
it is contained here.
"""


def share(row, name="exact"):
    return f"{row[name] / max(1, row['count']):.0%}"


def score_table(scores, before):
    lengths = list(scores)

    def cell(length, kind):
        new = scores[length]["kinds"][kind]
        text = f"{share(new)} ({new['count']})"
        return f"{share(before[length]['kinds'][kind])} → {text}" if before else text

    def line(title, value):
        cells = [f"{value(before[n])} → {value(scores[n])}" if before else value(scores[n])
                 for n in lengths]
        return f"| {title} | " + " | ".join(cells) + " |"

    lines = ["| question | " + " | ".join(f"{n} tokens" for n in lengths) + " |",
             "|---|" + "---|" * len(lengths)]
    for kind, title in QUESTIONS.items():
        lines.append(f"| {title} | " + " | ".join(cell(n, kind) for n in lengths) + " |")
    lines.append(line('says "not in the text" although it is',
                      lambda s: f"{false_none(s['kinds']):.0%}"))
    lines.append(line('F1 of "not in the text"', lambda s: f"{s['none_f1']:.2f}"))
    return "\n".join(lines)


def layer_words(config):
    names = {0: "window", 4: "CSA (ratio 4)", 128: "HCA (ratio 128)"}
    return ", ".join(names[ratio] for ratio in config.compress_ratios)


def make_card(arguments):
    config = read_config(arguments.folder)
    scores = json.loads(arguments.scores.read_text())
    before = json.loads(arguments.before.read_text()) if arguments.before else None
    progress = load_checkpoint(arguments.checkpoint)["progress"]
    total, active = parameter_counts(Model(config))
    size = sum(f.stat().st_size for f in arguments.folder.glob("*.safetensors"))
    history = (f"{progress['tokens'] / 1e6:.1f} M tokens in {progress['step']} steps with the "
               f"recipe in train/, {arguments.history}")
    return TEXT.format(
        version=arguments.version, total=total / 1e6, active=active / 1e6, megabytes=size / 1e6,
        n_layers=config.num_hidden_layers, layers=layer_words(config),
        window=config.sliding_window, topk=config.index_topk, index_heads=config.index_n_heads,
        index_width=config.index_head_dim, hidden=config.hidden_size,
        heads=config.num_attention_heads, head_width=config.head_dim,
        rope=config.qk_rope_head_dim, experts=config.n_routed_experts,
        top=config.num_experts_per_tok, hashed=config.num_hash_layers, streams=config.hc_mult,
        vocabulary=config.vocab_size, positions=config.max_position_embeddings,
        longest=arguments.longest, history=history, measured=max(map(int, scores)),
        comparison=f"{arguments.before_name} → this model." if before else "",
        table=score_table(scores, before))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("folder", type=Path)
    add("--version", required=True)
    add("--checkpoint", type=Path, required=True, help="the one that was exported")
    add("--scores", type=Path, required=True)
    add("--before", type=Path)
    add("--before-name", default="The bundled model before")
    add("--longest", type=int, default=1024, help="tokens of the longest training sample")
    add("--history", default="from random weights", help="what the run started from")
    arguments = parser.parse_args()
    (arguments.folder / "MODEL_CARD.md").write_text(make_card(arguments))


if __name__ == "__main__":
    main()
