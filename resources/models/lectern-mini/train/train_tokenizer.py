"""Train the tokenizer: byte-level BPE behind DeepSeek's split, with V4's control tokens.

    python3 train_tokenizer.py DATA FILE [VOCABULARY]

Only for starting over: a new tokenizer means a new model. The bundled tokenizer.json was made so.
"""
import sys
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import packages
from collect import documents_of

CHARACTERS = 16_000_000
N_NOT_TEXT = 32  # ids for everything that is not text
BASE = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"]
CONTROL = ["<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜User｜>", "<｜Assistant｜>"]
CONTROL += ["<|EOT|>"]
# Decoding keeps these; the last three are Lectern's own marks of an answer.
KEPT = ["<think>", "</think>", "｜DSML｜"]
KEPT += [f"<｜{name}｜>" for name in ("latest_reminder", "action", "query", "authority", "domain",
                                    "title", "extracted_url", "read_url")]
KEPT += ["<quote>", "</quote>", "<none/>"]

SPLITS = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]


def train(texts, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    split = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in SPLITS]
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split + [bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    n_text = vocabulary - (N_NOT_TEXT - len(BASE))
    trainer = trainers.BpeTrainer(
        vocab_size=n_text, special_tokens=BASE, show_progress=False, max_token_length=24,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    n_places = vocabulary - len(CONTROL) - len(KEPT) - tokenizer.get_vocab_size()
    places = [f"<｜place▁holder▁no▁{i}｜>" for i in range(n_places)]
    for names, special in ((places, True), (CONTROL, True), (KEPT, False)):
        tokens = [AddedToken(name, normalized=False, special=special) for name in names]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(tokens)
    assert tokenizer.get_vocab_size() == vocabulary
    return tokenizer


def main():
    data, file = Path(sys.argv[1]), sys.argv[2]
    seen, texts = set(), []
    for name in packages.read_lists()["train"]:
        texts += [d.text[:20_000] for d in documents_of(name, data / "src" / name, seen)]
    Random(0).shuffle(texts)
    taken, n = [], 0
    for text in texts:
        taken.append(text)
        n += len(text)
        if n > CHARACTERS:
            break
    train(taken, int(sys.argv[3]) if len(sys.argv) > 3 else 8192).save(file)


if __name__ == "__main__":
    main()
