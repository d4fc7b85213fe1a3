"""A context as the app builds it, with the lines that can be quoted.

    BOS system <User> { "=== path ===\\n" text "\\n" }      (engine/context_builder.h)

A quoted line begins with its first token that is not white space alone and ends with the token
that holds its line feed.
"""
from dataclasses import dataclass

import numpy as np

SYSTEM = "Answer with quotes from the text."


@dataclass
class Line:
    begin: int  # in the ids of the context
    end: int
    kind: str
    text: str

    def __len__(self):
        return self.end - self.begin


class Reading:
    def __init__(self, vocabulary):
        self.vocabulary = vocabulary
        self.ids = [vocabulary.begin] + vocabulary.encode(SYSTEM) + [vocabulary.user]
        self.quotable = [False] * len(self.ids)
        self.lines = []

    def __len__(self):
        return len(self.ids)

    def add_template(self, text):
        ids = self.vocabulary.encode(text)
        self.ids += ids
        self.quotable += [False] * len(ids)

    def add_header(self, path):
        self.add_template(f"=== {path} ===\n")

    def add_page(self, number):
        self.add_template(f"--- page {number} ---\n")

    def add_text(self, ids, kind):
        """Whole lines; -> the Lines among them that show something"""
        base, begin, added = len(self.ids), 0, []
        self.ids += ids
        self.quotable += [True] * len(ids)
        array = np.array(ids, dtype=np.int64)
        blank = self.vocabulary.blank[array]
        for end in (np.flatnonzero(self.vocabulary.ends_line[array]) + 1).tolist():
            first = begin
            while first < end and blank[first]:
                first += 1
            if first < end:
                text = self.vocabulary.decode(ids[begin:end]).rstrip("\n")
                added.append(Line(base + first, base + end, kind, text))
            begin = end
        self.lines += added
        return added

    def end_document(self):
        self.add_template("\n")
