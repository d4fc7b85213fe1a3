"""What can be asked about a context: names with the one line that answers.

Every fact has one right line: a name defined twice, or a phrase that stands in two lines, is left
out, since then two answers would be right.
"""
import re
from collections import defaultdict
from dataclasses import dataclass

QUOTE_TOKENS = range(3, 41)  # lengths of lines that are worth quoting


@dataclass(frozen=True)
class Fact:
    kind: str  # definition, use, value, mention, about, planted
    key: str
    line: int  # in Reading.lines


_FUNCTION_C = (r"^(?!\s*(?:return|else|if|for|while|switch|case|using|#))[A-Za-z_][\w\s\*:&<>,]*?"
               r"[\s\*&](\w{3,})\s*\([^)]*(?:\)[^;]*|,)?;?\s*$")
DEFINITIONS = {
    "python": [r"^\s*(?:async\s+)?def (\w{3,})", r"^\s*class (\w{3,})",
               r"^([A-Z_][A-Z0-9_]{3,})\s*=\s*\S"],
    "c": [r"^\s*#\s*define\s+(\w{3,})",
          r"^\s*(?:typedef\s+)?(?:struct|union|enum|class)\s+(\w{3,})\s*(?:\{.*|:.*)?$",
          r"^\s*typedef\s+[^;(]*?\b(\w{3,});\s*$", _FUNCTION_C],
    "go": [r"^func (?:\([^)]*\) )?(\w{3,})\(", r"^type (\w{3,}) "],
    "rust": [r"^\s*(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe )*fn (\w{3,})",
             r"^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type|const|static) (\w{3,})"],
    "javascript": [r"^\s*(?:export )?(?:default )?(?:async )?function (\w{3,})",
                   r"^\s*(?:export )?class (\w{3,})", r"^\s*(?:const|let|var) (\w{3,}) ="],
    "ruby": [r"^\s*def (?:self\.)?(\w{3,})", r"^\s*(?:class|module) (\w{3,})"],
    "perl": [r"^\s*sub (\w{3,})"],
    "php": [r"^\s*(?:\w+ )*function (\w{3,})", r"^\s*(?:\w+ )*(?:class|interface|trait) (\w{3,})"],
    "tcl": [r"^\s*proc (?:\w*::)*(\w{3,})"],
    "lua": [r"^\s*(?:local )?function (?:[\w.]*[.:])?(\w{3,})"],
    "shell": [r"^\s*(?:function )?(\w{3,})\s*\(\)", r"AC_DEFUN(?:_ONCE)?\(\[(\w{3,})\]",
              r"^\s*(?:macro|function)\((\w{3,})"],
}
VALUES = {
    "python": r"^\s*([A-Za-z_]\w{3,})\s*=\s*[-\w\"'(\[{]",
    "c": r"^\s*(?:#\s*define\s+)?([A-Z_]\w{3,})\s+?(?:=\s*)?[-(\"\dx]",
    "go": r"^\s*(?:const |var )?(\w{4,})\s+(?:\w+ )?:?= \S",
    "rust": r"^\s*(?:pub )?(?:const|static|let)(?: mut)? (\w{4,})[^=]*= \S",
    "javascript": r"^\s*(?:const|let|var) (\w{4,}) = \S",
    "ruby": r"^\s*@?(\w{4,}) = \S",
    "perl": r"^\s*(?:my|our)?\s*[$@%](\w{4,})\s*=",
    "php": r"^\s*(?:const |\w+ )*\$?(\w{4,}) = \S",
    "tcl": r"^\s*(?:set|variable) (\w{4,}) \S",
    "lua": r"^\s*(?:local )?(\w{4,}) = \S",
    "shell": r"^\s*(\w{4,})=\S",
}
DEFINITIONS = {kind: [re.compile(p) for p in patterns] for kind, patterns in DEFINITIONS.items()}
VALUES = {kind: re.compile(pattern) for kind, pattern in VALUES.items()}
NAME = re.compile(r"[A-Za-z_]\w{3,}")
WORD = re.compile(r"[A-Za-z]{4,}")
COMMON = frozenset(
    "that this with from have will when which there these those been were your they them then than "
    "also such into only must more some other each used using should would could being their most "
    "both after before while where what about does".split())


def _quotable(line):
    return len(line) in QUOTE_TOKENS


def _definitions(lines):
    found = defaultdict(list)
    for i, line in enumerate(lines):
        for pattern in DEFINITIONS.get(line.kind, ()):
            match = pattern.search(line.text)
            if match:
                found[match.group(1)].append(i)
                break
    return found


def holds_definition(text, kind):
    return any(pattern.search(line) for line in text.split("\n")
               for pattern in DEFINITIONS.get(kind, ()))


def _phrases(line):
    """Two neighbouring words that carry meaning"""
    words = WORD.findall(line.text)
    for a, b in zip(words, words[1:]):
        if a.lower() not in COMMON and b.lower() not in COMMON and f"{a} {b}" in line.text:
            yield a, b


def names_of(lines):
    """{name: [line]}"""
    where = defaultdict(list)
    for i, line in enumerate(lines):
        for name in dict.fromkeys(NAME.findall(line.text)):
            where[name].append(i)
    return where


def find_facts(lines):
    """{kind: [Fact]}"""
    where, facts = names_of(lines), defaultdict(list)
    for name, at in _definitions(lines).items():
        if len(at) != 1 or not _quotable(lines[at[0]]):
            continue
        facts["definition"].append(Fact("definition", name, at[0]))
        users = [i for i in where.get(name, ()) if i != at[0]]
        if len(users) == 1 and _quotable(lines[users[0]]):
            facts["use"].append(Fact("use", name, users[0]))
    for i, line in enumerate(lines):
        if not _quotable(line):
            continue
        match = VALUES[line.kind].match(line.text) if line.kind in VALUES else None
        if match and len(where[match.group(1)]) <= 2 and match.end() < len(line.text):
            facts["value"].append(Fact("value", match.group(1), i))
        if line.kind == "prose":
            for a, b in _phrases(line):
                if len(set(where[a]) & set(where[b])) == 1:
                    facts["about"].append(Fact("about", f"{a} {b}", i))
    for name, at in where.items():
        if len(at) == 1 and len(name) >= 5 and name.lower() not in COMMON:
            line = lines[at[0]]
            if _quotable(line) and line.kind != "planted":
                facts["mention"].append(Fact("mention", name, at[0]))
    return facts
