"""One file of a package to the text Mini reads, or a reason to leave it out."""
import gzip
import html
import os
import re
from dataclasses import dataclass

KINDS = {
    ".py": "python", ".c": "c", ".h": "c", ".hh": "c", ".hpp": "c", ".cc": "c", ".cpp": "c",
    ".go": "go", ".rs": "rust", ".js": "javascript", ".ts": "javascript", ".rb": "ruby",
    ".pm": "perl", ".pl": "perl", ".php": "php", ".tcl": "tcl", ".lua": "lua", ".sh": "shell",
    ".m4": "shell", ".cmake": "shell", ".txt": "prose", ".rst": "prose", ".md": "prose",
    ".adoc": "prose", ".html": "prose", ".htm": "prose",
}
BYTES_MAX = 600_000


@dataclass
class Document:
    path: str
    kind: str
    text: str


def read_document(path, shown):
    """`shown`: the path that a question sees. None when the file is no use."""
    raw, name = _bytes_of(path)
    if raw is None:
        return None
    stem, suffix = os.path.splitext(name)
    suffix = suffix.lower()
    manual = "/man/man" in str(path) and re.fullmatch(r"\.\d\w*", suffix)
    kind = "prose" if manual else _kind(path, name, suffix)
    if kind is None or name in ("copyright", "changelog.txt", "NEWS.txt"):
        return None
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    if manual:
        text, name = text_of_manual(text), name + ".txt"
    elif suffix in (".html", ".htm"):
        text, name = text_of_html(text), stem + ".txt"
    if kind == "prose":
        text = text.replace("\t", "    ")
    if not _readable(text):
        return None
    return Document(os.path.join(os.path.dirname(shown), name), kind, text.rstrip("\n") + "\n")


def _bytes_of(path):
    try:
        if path.name.endswith(".gz"):
            return gzip.open(path).read(BYTES_MAX), path.name[:-3]
        if path.stat().st_size > BYTES_MAX:
            return None, path.name
        return path.read_bytes(), path.name
    except (OSError, EOFError):
        return None, path.name


def _kind(path, name, suffix):
    if suffix in KINDS:
        return KINDS[suffix]
    # The C++ library's headers have no suffix.
    return "c" if suffix == "" and "/include/" in str(path) and name.islower() else None


def _readable(text):
    if not 600 <= len(text) <= 250_000 or "\0" in text:
        return False
    lines = text.split("\n")
    if max(map(len, lines)) > 2000 or len(text) / len(lines) > 110:
        return False
    head = text[:4000]
    ascii_share = sum(ch < "\x80" for ch in head) / len(head)
    word_share = sum(ch.isalpha() or ch == " " for ch in head) / len(head)
    return ascii_share > 0.93 and word_share > 0.5


def _tidy(text):
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def text_of_html(text):
    text = re.sub(r"(?is)<(script|style|head|nav)\b.*?</\1>", "", text)
    text = re.sub(r"(?i)<(br|p|div|li|tr|h\d|dt|dd|pre|table|section)\b[^>]*>", "\n", text)
    return _tidy(html.unescape(re.sub(r"(?s)<[^>]+>", "", text)))


def text_of_manual(source):
    """Manual pages in plain words: headings kept, most requests dropped."""
    lines = []
    for line in source.split("\n"):
        line = re.sub(r"\\f(\[\w*\]|\(..|.)", "", line)
        line = re.sub(r'\\".*', "", line).replace("\\-", "-").replace("\\&", "")
        line = re.sub(r"\\\((lq|rq|aq|dq)", '"', line).replace("\\e", "\\").replace("\\ ", " ")
        if not line.startswith((".", "'")):
            lines.append(line)
            continue
        request, _, rest = line[1:].strip().partition(" ")
        rest = rest.strip().replace('"', "")
        if request in ("SH", "SS", "Sh", "Ss"):
            lines += ["", rest]
        elif request in ("PP", "P", "LP", "Pp", "TP", "IP", "It", "sp"):
            lines += ["", rest]
        elif rest and re.fullmatch(r"[BI]|[BIR]{2}|Nm|Fl|Ar|Nd|Xr|Fn|Fa|Pa|Li|Dv|Er", request):
            lines.append(rest)
    return _tidy("\n".join(lines))
