"""Unpacked packages to tokens, split by package.

    python3 collect.py DATA

DATA/src/PACKAGE -> DATA/{train,held_out}.{ids.npy,json} and DATA/SOURCES.md.

A split is one long array of ids and a table of its documents: package, path, kind, end.
"""
import hashlib
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import packages
from documents import read_document

HERE = Path(__file__).parent
SKIPPED = re.compile(r"/(tests?|testdata|testsuite|idle_test|lib2to3|locale|localedata|encodings"
                     r"|unicore|sysdeps|_static|_sources|translations)/")
CHARACTERS_MAX = 2_000_000  # of one package


def documents_of(package, folder, seen):
    """Its documents in a seeded order, without what another file began with."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()
                   and not SKIPPED.search(str(p.relative_to(folder))))
    random.Random(package).shuffle(paths)
    n_characters = 0
    for path in paths:
        shown = re.sub(r"^(usr/)?(share|lib|include|src)/", "", str(path.relative_to(folder)))
        shown = re.sub(r"^(python3(\.11)?/(dist-packages/)?|doc/|x86_64-linux-gnu/)", "", shown)
        document = read_document(path, shown)
        if document is None:
            continue
        start = re.sub(r"\s+", " ", document.text[:3000])
        key = hashlib.sha1(start.encode()).digest()
        if key in seen:
            continue
        seen.add(key)
        yield document
        n_characters += len(document.text)
        if n_characters > CHARACTERS_MAX:
            return


def collect_split(names, data, tokenizer, seen):
    ids, table, rows = [], [], []
    for name in names:
        documents = list(documents_of(name, data / "src" / name, seen))
        encoded = tokenizer.encode_batch([d.text for d in documents], add_special_tokens=False)
        for document, encoding in zip(documents, encoded):
            ids.append(np.array(encoding.ids, dtype=np.uint16))
            table.append({"package": name, "path": document.path, "kind": document.kind,
                          "n": len(encoding.ids)})
        licences = packages.licences(data / "src" / name, name)
        n_characters = sum(len(d.text) for d in documents)
        rows.append((name, len(documents), n_characters, licences))
        print(name, len(documents), n_characters, flush=True)
    return np.concatenate(ids), table, rows


def save_split(ids, table, path):
    np.save(path.with_suffix(".ids.npy"), ids)
    path.with_suffix(".json").write_text(json.dumps(table))
    kinds = Counter()
    for row in table:
        kinds[row["kind"]] += row["n"]
    print(path.name, len(table), "documents,", len(ids), "tokens:", dict(kinds.most_common()))


def write_sources(splits, path):
    lines = ["# Text used for Lectern Mini", "",
             "Files of Debian 12 packages (all in `main`). Licences are the short names of each "
             "package's copyright file", "(`/usr/share/doc/PACKAGE/copyright`, which is what "
             "counts). Nothing of the text is redistributed here."]
    for title, rows in splits:
        total = sum(row[2] for row in rows) / 1e6
        lines += ["", f"## {title}: {total:.1f} M characters", "",
                  "| package | files | k characters | licences |", "|---|---|---|---|"]
        for name, n_files, n_characters, licences in sorted(rows):
            shown = ", ".join(licences[:6]) + (", …" if len(licences) > 6 else "")
            shown = shown or "see its copyright file"
            lines.append(f"| {name} | {n_files} | {n_characters // 1000} | {shown} |")
    path.write_text("\n".join(lines) + "\n")


def main():
    data = Path(sys.argv[1])
    tokenizer = Tokenizer.from_file(str(HERE.parent / "tokenizer.json"))
    lists, seen, titles = packages.read_lists(), set(), []
    # Held-out text first: what it has in common with a training package is not trained on.
    for split, title in (("held out", "Held out for evaluation (never trained on)"),
                         ("train", "Training")):
        ids, table, rows = collect_split(lists[split], data, tokenizer, seen)
        save_split(ids, table, data / split.replace(" ", "_"))
        titles.append((title, rows))
    write_sources(titles[::-1], data / "SOURCES.md")


if __name__ == "__main__":
    main()
