"""Lines made up for practice: facts in prose, and tables of names that look alike."""
from facts import NAME, Fact

ADJECTIVES = ("amber silver quiet golden rapid hollow crimson gentle frozen bright narrow ancient "
              "copper velvet distant broken marble winter hidden purple sunny brave lonely "
              "wooden").split()
NOUNS = ("falcon river lantern garden harbor meadow castle engine forest mirror bridge anchor "
         "compass window tunnel island station archive library market factory tower "
         "valley").split()
ATTRIBUTES = ["access code", "serial number", "room number", "phone extension", "port number",
              "license key", "batch number", "password"]
# What a line of each kind looks like, and how one asks for it.
TABLES = [
    ("python", "def {}({}):\n", "definition"), ("python", "    def {}(self, {}):\n", "definition"),
    ("python", "class {}({}):\n", "definition"), ("python", "{} = {}\n", "value"),
    ("c", "int {}({});\n", "definition"), ("c", "static void {}(struct {} *x)\n", "definition"),
    ("c", "#define {} {}\n", "value"), ("go", "func {}({} int) error {{\n", "definition"),
    ("rust", "    pub fn {}(&self, {}: u32) {{\n", "definition"), ("ruby", "  def {}({})\n",
                                                                  "definition"),
    ("shell", "{}={}\n", "value"), ("c", "    {}({});\n", "mention"),
    ("prose", "* {}: see {}.\n", "mention"), ("prose", "The option {} replaces {}.\n", "mention"),
]


def planted_sentence(random):
    """(key, text)"""
    key = f"{random.choice(ATTRIBUTES)} of the {random.choice(ADJECTIVES)} {random.choice(NOUNS)}"
    value = str(random.randrange(1000, 10**6))
    start = random.choice(["The", "Note: the"])
    return key, f"{start} {key} is {value}.\n"


def _words(corpus, random):
    """Pieces of real identifiers"""
    pieces = []
    for _ in range(20):
        for name in corpus.vocabulary.words(corpus.slice(corpus.pick(random), 80, random)):
            pieces += [p for p in name.split("_") if 2 < len(p) < 12]
        if len(pieces) > 12:
            break
    return pieces or NOUNS


def _name(words, random):
    parts = [random.choice(words) for _ in range(random.choice([1, 2, 2, 2, 3]))]
    style = random.randrange(3)
    if style == 0:
        return "_".join(p.lower() for p in parts)
    return "_".join(parts).upper() if style == 1 else "".join(p.capitalize() for p in parts)


def plant_table(reading, n_tokens, corpus, random):
    """A document of about n_tokens; its names share few words, so that only a whole name tells
    one line from another. -> Facts"""
    kind, form, asked = random.choice(TABLES)
    words = random.sample(pool := _words(corpus, random), min(len(pool), random.randint(4, 12)))
    reading.add_header(corpus.path(corpus.pick(random)))
    facts, names, end = [], set(), len(reading) + n_tokens
    for _ in range(n_tokens):
        name = _name(words, random)
        if len(name) < 4 or name in names or not NAME.fullmatch(name):
            continue
        names.add(name)
        other = str(random.randrange(10**4)) if asked == "value" else random.choice(words).lower()
        ids = corpus.vocabulary.encode(form.format(name, other))
        if len(reading) + len(ids) > end:
            break
        reading.add_text(ids, kind)
        facts.append(Fact(asked, name, len(reading.lines) - 1))
    reading.end_document()
    return [f for f in facts
            if sum(f.key in line.text for line in reading.lines) == 1]
