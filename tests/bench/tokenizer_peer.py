"""tokenizer_peer.py TOKENIZER_BENCH TOKENIZER TEXT...: our tokenizer beside Hugging Face's, in one run.

Needs the packages tokenizers and xxhash. Both use one thread and are timed by its CPU time; each
repeat runs ours, then theirs. Theirs runs in its fastest way: pieces of about 4 KB, no offsets.
Ids are compared on the whole text as one string, once.
"""
import json
import os
import statistics
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers  # noqa: E402  (reads the environment when it is loaded)
import xxhash  # noqa: E402

PIECE, REPEATS = 4096, 3


def pieces(text):
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin + PIECE) + 1 or len(text)
        yield text[begin:end]
        begin = end


def peer_rate(tokenizer, text, n_bytes):
    batch = list(pieces(text))
    begin = time.process_time()
    tokenizer.encode_batch_fast(batch, add_special_tokens=False)
    return n_bytes * 1e-6 / (time.process_time() - begin)


def main():
    bench, tokenizer_file, *files = sys.argv[1:]
    peer = tokenizers.Tokenizer.from_file(tokenizer_file)
    for file in files:
        with open(file, encoding="utf-8", newline="") as stream:
            text = stream.read()
        n_bytes = len(text.encode())
        ours, theirs = [], []
        for _ in range(REPEATS):
            run = subprocess.run([bench, tokenizer_file, file], stdout=subprocess.PIPE, check=True)
            report = json.loads(run.stdout)
            ours.append(report["mb_per_s"])
            theirs.append(peer_rate(peer, text, n_bytes))
        ids = peer.encode(text, add_special_tokens=False).ids
        packed = b"".join(token.to_bytes(4, "little") for token in ids)
        same = xxhash.xxh3_128_hexdigest(packed) == report["ids"]
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{file}: {a:.1f} MB/s, tokenizers {tokenizers.__version__} {b:.2f} MB/s, "
              f"{a / b:.1f} times as fast, ids {'identical' if same else 'DIFFERENT'}", flush=True)


if __name__ == "__main__":
    main()
