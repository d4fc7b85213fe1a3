"""Facts to questions in the words that users take.

A question without an answer is worded as one of the kinds that its context offers, and its name is
taken where names of that kind are found. So the words of a question tell nothing about whether it
has an answer: of every kind the same share has none.
"""
from dataclasses import dataclass

from facts import COMMON, find_facts, names_of
from planting import planted_sentence
from reading import Reading

PHRASES = {
    "definition": ["Where is {} defined?", "Where is {} defined?", "Find the definition of {}.",
                   "Which line defines {}?"],
    "use": ["Where is {} used?", "Which line uses {}?"],
    "value": ["What is the value of {}?", "What is {} set to?"],
    "mention": ["Which line mentions {}?", "Where is {} mentioned?"],
    "about": ["What does it say about {}?", "What does the text say about {}?"],
    "planted": ["What is the {}?"],
}
SHARES = {"definition": 3.0, "use": 1.5, "value": 1.5, "mention": 2.0, "about": 3.0,
          "planted": 0.7}
NONE_SHARE = 0.13
IN_BACKTICKS = ("definition", "use", "value", "mention")


@dataclass
class Question:
    kind: str  # one of PHRASES
    text: str
    line: int | None  # in Reading.lines; None: the context does not say


def phrase(kind, key, random):
    if kind in IN_BACKTICKS and random.random() < 0.4:
        key = f"`{key}`"
    return random.choice(PHRASES[kind]).format(key)


def _mixed_name(names, random):
    """A name that looks at home here and is not: the beginning of one, the end of another."""
    a, b = random.choice(names), random.choice(names)
    for joint in ("_", "-"):
        if joint in a[1:-1] and joint in b[1:-1]:
            return a[: a.index(joint, 1)] + b[b.rindex(joint, 0, -1):]
    return a[: max(3, len(a) // 2)] + b[len(b) // 2:]


def _foreign_key(kind, corpus, random):
    """What such a question would ask about in another text, or None"""
    if kind == "planted":
        return planted_sentence(random)[0]
    for _ in range(50):
        document = corpus.pick(random)
        if kind == "mention" or (kind == "about") == (corpus.kind(document) == "prose"):
            break
    other = Reading(corpus.vocabulary)
    other.add_text(corpus.slice(document, 200, random), corpus.kind(document))
    # A name that is used somewhere is a name that is defined somewhere.
    found = find_facts(other.lines)["definition" if kind == "use" else kind]
    return random.choice(found).key if found else None


def _absent_key(kind, reading, names, corpus, random):
    """What a question of that kind can ask about although no line holds it, or None"""
    for _ in range(8):
        if kind in IN_BACKTICKS and len(names) > 3 and random.random() < 0.5:
            key = _mixed_name(names, random)
        else:
            key = _foreign_key(kind, corpus, random)
        if key and len(key) >= 5 and not any(key in line.text for line in reading.lines):
            return key
    return None


def ask(reading, planted, corpus, random, count, kinds=None, none_share=NONE_SHARE):
    """At most `count` different questions. planted: Facts that the reading was made with."""
    facts = find_facts(reading.lines)
    for fact in planted:
        facts[fact.kind].append(fact)
    names = [name for name in names_of(reading.lines)
             if len(name) > 4 and name.lower() not in COMMON]
    shares = {kind: share for kind, share in SHARES.items()
              if (kinds is None or kind in kinds) and facts.get(kind)}
    questions, used = [], set()
    for _ in range(3 * count):
        if len(questions) == count or not shares:
            break
        kind = random.choices(list(shares), list(shares.values()))[0]
        fact = random.choice(facts[kind])
        if (kind, fact.key) in used:
            continue
        used.add((kind, fact.key))
        key, line = fact.key, fact.line
        if none_share and random.random() < none_share:
            key, line = _absent_key(kind, reading, names, corpus, random), None
        if key:
            questions.append(Question(kind, phrase(kind, key, random), line))
    return questions
