"""Training samples: what the model reads, and where its guesses are compared.

asking     documents, questions in turns, answers that quote a line or say <none/>
looking up the same over made-up tables of names that look alike: many decisions per token
copying    a passage that comes again and again; copying appears early that way
text       documents as they are
"""
from dataclasses import dataclass, field

import numpy as np

from facts import Fact, holds_definition
from planting import plant_table, planted_sentence
from questions import ask
from quote_places import QuotePlaces
from reading import Reading

FIRST_TOKEN_WEIGHT = 3.0  # finding the line is harder than copying it
OPENING_WEIGHT = 1.0  # quote or none
CONTEXT_SHARES = (0.4, 0.8)  # of a sample; questions and answers take the rest
TURN_TOKENS = 18  # of a short one
NEAR_DEFINITIONS = 0.7  # of the slices of code: moved to where something is defined


@dataclass(frozen=True)
class Mix:
    """Shares of the kinds of sample; what is left asks."""
    text: float = 0.05
    copying: float = 0.08
    looking_up: float = 0.2
    shortened: float = 0.3  # of the asking ones: quotes end once they are unique


@dataclass
class Sample:
    ids: list
    answer: np.ndarray  # [T] weight of predicting ids[i] from those before it
    text: np.ndarray  # [T] bool: ids[i] is a target of the language model
    allowed: dict = field(default_factory=dict)  # i -> ids the decoder would allow there
    kinds: dict = field(default_factory=dict)  # i -> kind of the question whose answer opens there


class _Writer:
    """One sample under construction."""

    def __init__(self, vocabulary, ids=()):
        self.vocabulary, self.ids = vocabulary, list(ids)
        self.weights, self.allowed, self.kinds = {}, {}, {}

    def add_question(self, text, first):
        v = self.vocabulary
        lead = v.encode("\n\n") if first else [v.user]
        self.ids += lead + v.encode(text) + [v.assistant, v.end_think]

    def add_answer(self, kind, quote, places, shortened):
        v = self.vocabulary
        self.kinds[len(self.ids)] = kind
        self.weights[len(self.ids)] = OPENING_WEIGHT
        if quote is None:
            self.ids += [v.none, v.end]
            self.weights[len(self.ids) - 1] = 0.2
            return
        self.ids.append(v.open)
        choices, n_unique = places.allowed(quote)
        shown = quote[: n_unique + 1] if shortened else quote
        for i, choice in enumerate(choices[: len(shown)]):
            self.weights[len(self.ids) + i] = FIRST_TOKEN_WEIGHT if i == 0 else 1.0
            self.allowed[len(self.ids) + i] = choice
        self.ids += shown
        if len(shown) == len(quote):
            self.weights[len(self.ids)] = 1.0
            self.allowed[len(self.ids)] = choices[-1]
            self.weights[len(self.ids) + 1] = 0.2
        self.ids += [v.close, v.end]

    def finish(self, n_tokens, n_text):
        """Padded to n_tokens; ids 1 to n_text - 1 are text."""
        answer, text = np.zeros(n_tokens, np.float32), np.zeros(n_tokens, bool)
        answer[list(self.weights)] = list(self.weights.values())
        text[1:n_text] = True
        ids = self.ids + [self.vocabulary.end] * (n_tokens - len(self.ids))
        return Sample(ids, answer, text, self.allowed, self.kinds)


def _slice(corpus, document, n_tokens, random, near_definitions):
    """As Corpus.slice. Definitions are far apart: most places of a file have none nearby."""
    n_tries = 8 if random.random() < near_definitions and corpus.kind(document) != "prose" else 1
    for _ in range(n_tries):
        ids = corpus.slice(document, n_tokens, random)
        if holds_definition(corpus.vocabulary.decode(ids), corpus.kind(document)):
            break
    return ids


def read_documents(corpus, random, n_tokens, n_planted=0, near_definitions=0.0):
    """A Reading of about n_tokens, and Facts for the sentences planted in it"""
    reading, facts = Reading(corpus.vocabulary), []
    while len(reading) < n_tokens - 60:
        document = corpus.pick(random)
        path = corpus.path(document)
        size = random.randint(80, max(160, n_tokens))
        size = min(size, n_tokens - len(reading) - 25)
        ids = _slice(corpus, document, size, random, near_definitions)
        if len(ids) < 16:
            continue
        reading.add_header(path)
        kind = corpus.kind(document)
        if kind == "prose" and random.random() < 0.2:
            reading.add_page(random.randint(1, 400))
        borders = np.flatnonzero(corpus.vocabulary.ends_line[np.array(ids)]) + 1
        if n_planted > len(facts) and len(borders):
            cut = int(random.choice(borders))
            reading.add_text(ids[:cut], kind)
            key, sentence = planted_sentence(random)
            if all(fact.key != key for fact in facts):
                reading.add_text(corpus.vocabulary.encode(sentence), "planted")
                facts.append(Fact("planted", key, len(reading.lines) - 1))
            ids = ids[cut:]
        if ids:
            reading.add_text(ids, kind)
        reading.end_document()
    return reading, facts


def asking_sample(corpus, random, n_tokens, shortened=False, tables=False):
    room = int(n_tokens * random.uniform(*CONTEXT_SHARES))
    if tables:
        reading, facts = Reading(corpus.vocabulary), []
        while len(reading) < room - 60:
            size = random.randint(60, max(61, room - len(reading)))
            facts += plant_table(reading, min(size, room - len(reading) - 20), corpus, random)
        names = [f.key for f in facts]
        facts = [f for f in facts if names.count(f.key) == 1]
    else:
        reading, facts = read_documents(corpus, random, room, int(random.random() < 0.3),
                                        NEAR_DEFINITIONS)
    places = QuotePlaces(np.array(reading.ids), np.array(reading.quotable), corpus.vocabulary)
    writer = _Writer(corpus.vocabulary, reading.ids)
    for question in ask(reading, facts, corpus, random, (n_tokens - room) // TURN_TOKENS + 2):
        before = len(writer.ids)
        writer.add_question(question.text, first=before == len(reading))
        quote = None
        if question.line is not None:
            line = reading.lines[question.line]
            quote = reading.ids[line.begin: line.end]
        if len(writer.ids) + len(quote or ()) + 3 > n_tokens:
            del writer.ids[before:]
            break
        writer.add_answer(question.kind, quote, places, shortened)
    return writer.finish(n_tokens, len(reading))


def copying_sample(corpus, random, n_tokens):
    """Half of the passages are shuffled, so that only copying can predict them."""
    passage = []
    while len(passage) < 6:
        size = random.randint(8, min(n_tokens // 2 - 2, 400))
        passage = corpus.slice(corpus.pick(random), size, random)
    if random.random() < 0.5:
        random.shuffle(passage)
    writer = _Writer(corpus.vocabulary, [corpus.vocabulary.begin] + passage)
    while len(writer.ids) < n_tokens:
        start = random.randrange(len(passage)) if random.random() < 0.5 else 0
        at = len(writer.ids)
        writer.ids += passage[start:]
        for i in range(at + 1, min(len(writer.ids), n_tokens)):
            writer.weights[i] = 0.3
    del writer.ids[n_tokens:]
    return writer.finish(n_tokens, 0)


def text_sample(corpus, random, n_tokens):
    reading, _ = read_documents(corpus, random, n_tokens - 8)
    writer = _Writer(corpus.vocabulary, reading.ids[:n_tokens])
    return writer.finish(n_tokens, min(len(reading), n_tokens))


def make_sample(corpus, random, n_tokens, mix):
    choice = random.random()
    if choice < mix.text:
        return text_sample(corpus, random, n_tokens)
    if choice < mix.text + mix.copying:
        return copying_sample(corpus, random, n_tokens)
    tables = choice < mix.text + mix.copying + mix.looking_up
    shortened = random.random() < mix.shortened
    return asking_sample(corpus, random, n_tokens, shortened, tables)
