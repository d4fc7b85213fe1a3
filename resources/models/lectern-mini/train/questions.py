"""Facts to questions in the words that users take."""
from dataclasses import dataclass

from facts import COMMON, find_facts, names_of

PHRASES = {
    "definition": ["Where is {} defined?", "Where is {} defined?", "Find the definition of {}.",
                   "Which line defines {}?"],
    "use": ["Where is {} used?", "Which line uses {}?"],
    "value": ["What is the value of {}?", "What is {} set to?"],
    "mention": ["Which line mentions {}?", "Where is {} mentioned?"],
    "about": ["What does it say about {}?", "What does the text say about {}?"],
    "planted": ["What is the {}?"],
}
SHARES = {"definition": 3.0, "use": 1.5, "value": 1.5, "mention": 2.5, "about": 2.5,
          "planted": 0.7, "none": 0.9}
IN_BACKTICKS = ("definition", "use", "value", "mention")


@dataclass
class Question:
    kind: str
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


def _absent(reading, where, corpus, random):
    """A question that this context does not answer, or None"""
    names = [n for n in where if len(n) > 4 and n.lower() not in COMMON]
    if len(names) > 3 and random.random() < 0.5:
        name = _mixed_name(names, random)
    else:
        other = corpus.vocabulary.words(corpus.slice(corpus.pick(random), 60, random))
        other = [n for n in other if len(n) > 4 and n.lower() not in COMMON]
        name = random.choice(other) if other else ""
    if len(name) < 5 or any(name in line.text for line in reading.lines):
        return None
    kind = random.choice(["definition", "definition", "mention", "value", "use"])
    return Question("none", phrase(kind, name, random), None)


def ask(reading, planted, corpus, random, count, kinds=None):
    """At most `count` different questions. planted: Facts that the reading was made with."""
    facts = find_facts(reading.lines)
    for fact in planted:
        facts[fact.kind].append(fact)
    where = names_of(reading.lines)
    shares = {kind: share for kind, share in SHARES.items()
              if (kinds is None or kind in kinds) and (kind == "none" or facts.get(kind))}
    questions, used, n_absent = [], set(), 0
    for _ in range(3 * count):
        if len(questions) == count or not shares:
            break
        kind = random.choices(list(shares), list(shares.values()))[0]
        if kind == "none":
            question = _absent(reading, where, corpus, random)
            if question and n_absent <= count // 8:
                questions.append(question)
                n_absent += 1
            continue
        fact = random.choice(facts[kind])
        if (kind, fact.key) not in used:
            used.add((kind, fact.key))
            questions.append(Question(kind, phrase(kind, fact.key, random), fact.line))
    return questions
