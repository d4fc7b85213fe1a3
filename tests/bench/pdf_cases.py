#!/usr/bin/env python3
"""Scores the PDF reader on generated cases with known truth, beside pdftotext.

pdf_cases.py LECTERN CASES_DIR [--only NAME ...] [--json OUT] [--quick]

CASES_DIR holds expected.json and its PDF files (corpora/make_pdf_cases.py). Every case is read by
`LECTERN extract --json` and by pdftotext in its three modes (not with --quick). Printed per case:
word accuracy against the expected reading order, share of named phrases whose boxes have
IoU >= 0.9, what was refused or reported, seconds, and what is wrong. Then a table per class.
Exit code 1 when a bar is missed.

Word accuracy = 2 M / (words expected + words read), M = words of both in one order (difflib).
What the truth lists as furniture, hidden text, fields or annotations may stand in the text or be
left out. Needs nothing but Python 3 and poppler-utils.
"""
import argparse
import difflib
import json
import os
import re
import subprocess
import sys
import time
import unicodedata

CLASSES = {
    "columns": ["columns2", "columns2_abstract", "columns3", "columns_interleaved",
                "drawing_order"],
    "footnotes": ["footnotes"],
    "tables": ["table_ruled", "table_plain"],
    "rotation": ["rotate90", "rotate180", "rotate270", "rotated_text"],
    "hyphens, ligatures": ["hyphenation", "ligatures"],
    "right to left": ["rtl"],
    "CJK": ["cjk_embedded", "cjk_not_embedded", "cjk_vertical"],
    "glyphs": ["scripts", "combining_drawn", "type3_mapped", "letter_spacing", "kerning",
               "actual_text", "control_tokens"],
    "scans, unknown glyphs": ["ocr_layer", "scan_no_text", "type3_unmapped", "no_tounicode"],
    "forms, links": ["form", "outline_links", "active_content"],
    "furniture": ["running_heads"],
    "hidden": ["hidden_text", "layer_off", "crop_box"],
    "page sizes": ["mediabox_inverted", "mediabox_missing", "page_huge", "page_tiny"],
}
ERRORS = {"needs_password": ["locked"], "not_a_pdf": ["corrupt", "unsupported"],
          "damaged": ["corrupt"], "no_pages": ["corrupt"], "limit_inflate": ["too_large"],
          "limit_depth": ["too_large", "corrupt"]}
IOU_MIN = 0.9


def class_of(name):
    return next((c for c, names in CLASSES.items() if name in names), "structure, hostile")


def words(text):
    text = unicodedata.normalize("NFKC", text)
    return re.sub("[\u00ad\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", text).split()


def expected_words(case):
    return words("\n".join(page or "" for page in case.get("text") or []))


def accuracy(read, case):
    wanted = expected_words(case)
    if not wanted and not read:
        return 1.0
    match = difflib.SequenceMatcher(None, wanted, read, autojunk=False)
    same = sum(block.size for block in match.get_matching_blocks())
    n_read = len(read)
    # Surplus words that the truth lists elsewhere (values of fields, notes) do not count. Running
    # heads and hidden text do: they stand among the sentences.
    extra = []
    for tag, _, _, begin, end in match.get_opcodes():
        if tag in ("insert", "replace"):
            extra += read[begin:end]
    allowed = words(" ".join([str(v) for v in case.get("fields", {}).values()] +
                             list(case.get("annotations", {}).values())))
    for word in allowed:
        if word in extra:
            extra.remove(word)
            n_read -= 1
    return 2 * same / max(1, len(wanted) + n_read)


def free_order(case, read):
    """Where the truth says that places are free, only the words count."""
    wanted, left = expected_words(case), list(read)
    n = 0
    for word in wanted:
        if word in left:
            left.remove(word)
            n += 1
    return 2 * n / max(1, len(wanted) + len(read))


def score(case, read):
    if case["file"] == "rotated_text.pdf":
        return free_order(case, read)
    return accuracy(read, case)


def union(boxes):
    return [min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes),
            max(b[3] for b in boxes)]


def iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    area = lambda r: (r[2] - r[0]) * (r[3] - r[1])
    return w * h / (area(a) + area(b) - w * h)


def fold(text):
    return "".join(words(text))


def phrase_ious(case, pages):
    """For each expected box of each phrase the IoU with the boxes of the spans that spell it."""
    result = []
    for phrase in case.get("phrases", []):
        page = pages[phrase["page"] - 1]
        spelled, owner = "", []
        for i, span in enumerate(page["spans"]):
            text = fold(span["text"])
            spelled += text
            owner += [i] * len(text)
        at = spelled.find(fold(phrase["text"]))
        if at < 0:
            result += [0.0] * len(phrase["boxes"])
            continue
        hit = sorted(set(owner[at:at + len(fold(phrase["text"]))]))
        lines = []
        for i in hit:
            for box in page["spans"][i]["boxes"]:
                near = next((l for l in lines if min(l[-1][3], box[3]) - max(l[-1][1], box[1]) >
                             0.5 * (box[3] - box[1])), None)
                (near if near is not None else lines.append([]) or lines[-1]).append(box)
        found = [union(line) for line in lines]
        for want in phrase["boxes"]:
            result.append(max([iou(want, box) for box in found] or [0.0]))
    return result


def lectern(program, path, case):
    command = [program, "extract", "--json"]
    stdin = None
    if case.get("password"):
        command.append("--password")
        stdin = (case["password"] + "\n").encode()
    if case["file"] == "scan_no_text.pdf":
        command.append("--no-ocr")
    begin = time.time()
    run = subprocess.run(command + [path], input=stdin if stdin else b"", capture_output=True)
    seconds = time.time() - begin
    try:
        return json.loads(run.stdout), run.returncode, seconds
    except ValueError:
        message = run.stderr.decode()[-200:]
        return {"error": {"code": "crash", "message": message}}, run.returncode, seconds


def pdftotext(path, case, mode):
    password = ["-upw", case["password"]] if case.get("password") else []
    try:
        run = subprocess.run(["pdftotext", *mode, "-enc", "UTF-8", *password, path, "-"],
                             capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return []
    return words(run.stdout.decode("utf-8", "replace"))


def judge(case, answer, code):
    """Text, accuracy and complaints of one answer."""
    complaints = []
    error = answer.get("error")
    alternative = case.get("alternative", "")
    if error:
        wanted = case.get("error")
        ok = wanted and error["code"] in ERRORS.get(wanted, [wanted])
        ok = ok or alternative.startswith("error")
        if not ok:
            complaints.append(f"error {error['code']}: {error['message']}")
        return None, complaints
    if case.get("error") and not case.get("password"):
        if not alternative:
            complaints.append(f"should be refused: {case['error']}")
    said = {d["code"] for d in answer["diagnostics"]}
    for code_wanted in case.get("diagnostics", []):
        if code_wanted == "damaged" and "page_unreadable" in said:
            continue
        if code_wanted not in said:
            complaints.append(f"does not say {code_wanted}")
    for hidden in case.get("hidden", []):
        if hidden in " ".join(p["text"] for p in answer["pages"]):
            complaints.append("hidden text in the text")
    furniture = case.get("furniture", [])
    for page, wanted in zip(answer["pages"], furniture):
        aside = [a["text"] for a in page.get("asides", {}).get("furniture", [])]
        if not all(any(words(w) == words(a) for a in aside) for w in wanted):
            complaints.append(f"furniture of page {page['n']}")
            break
    if case.get("labels") and [p["label"] or str(p["n"]) for p in answer["pages"]] != case["labels"]:
        complaints.append("labels")
    if case.get("outline"):
        got = [[h["title"], h["page"], h["level"]] for h in answer.get("headings", [])]
        if got != case["outline"]:
            complaints.append("outline")
    if case.get("fields"):
        got = {f.get("target"): f["text"] for p in answer["pages"]
               for f in p.get("asides", {}).get("field", [])}
        want = {k: str(v).lower() if isinstance(v, bool) else v for k, v in case["fields"].items()}
        if got != want:
            complaints.append(f"fields {got}")
    return words("\n".join(p["text"] for p in answer["pages"])), complaints


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lectern")
    parser.add_argument("cases")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--quick", action="store_true", help="without pdftotext")
    parser.add_argument("--show", action="store_true", help="print what was read and expected")
    options = parser.parse_args()
    cases = json.load(open(os.path.join(options.cases, "expected.json")))
    modes = {} if options.quick else {"default": [], "layout": ["-layout"], "raw": ["-raw"]}
    table, ious, rows, missed = {}, [], [], []
    for case in cases:
        name = case["file"][:-4]
        path = os.path.join(options.cases, case["file"])
        if (options.only and name not in options.only) or not os.path.exists(path):
            continue
        answer, code, seconds = lectern(options.lectern, path, case)
        read, complaints = judge(case, answer, code)
        limit = case.get("limits", {}).get("seconds")
        if limit and seconds > limit:
            complaints.append(f"{seconds:.1f} s of {limit}")
        scored = case.get("text") and case["text"][0] is not None
        value = None
        if read is not None and scored:
            value = score(case, read)
            if case.get("alternative", "").startswith("any finite text"):
                value = 1.0 if read[:1] == ["before"] else value
        elif scored and complaints:
            value = 0.0
        boxes = phrase_ious(case, answer["pages"]) if read is not None else []
        ious += boxes
        others = {}
        for mode, flags in modes.items():
            others[mode] = score(case, pdftotext(path, case, flags)) if scored else None
        kind = class_of(name)
        entry = table.setdefault(kind, {"n": 0, "ours": [], "default": [], "layout": [], "raw": []})
        entry["n"] += 1
        if value is not None:
            entry["ours"].append(value)
            for mode in modes:
                entry[mode].append(others[mode])
        shown = "-" if value is None else f"{100 * value:.1f}"
        low = " ".join(f"{b:.2f}" for b in boxes if b < IOU_MIN)
        print(f"{name:22} {shown:>6} {seconds:6.2f}s {low:12} {'; '.join(complaints)}", flush=True)
        if options.show and (value is None or value < 1):
            print("   read:    ", json.dumps("\n".join(p["text"] for p in answer.get("pages", [])),
                                           ensure_ascii=False)[:1500])
            print("   expected:", json.dumps(case.get("text"), ensure_ascii=False)[:1500])
        if complaints:
            missed.append(name)
        rows.append({"name": name, "accuracy": value, "pdftotext": others, "ious": boxes,
                     "seconds": seconds, "complaints": complaints})
    print(f"\n{'class':24} {'cases':>5} {'ours':>7} {'default':>8} {'-layout':>8} {'-raw':>7}")
    every = {"ours": [], "default": [], "layout": [], "raw": []}
    for kind, entry in table.items():
        means = {k: sum(entry[k]) / len(entry[k]) for k in every if entry[k]}
        for k in every:
            every[k] += entry[k]
        cells = [f"{100 * means[k]:.1f}" if k in means else "-" for k in every]
        print(f"{kind:24} {entry['n']:5} {cells[0]:>7} {cells[1]:>8} {cells[2]:>8} {cells[3]:>7}")
        best = max([means[k] for k in means if k != "ours"] or [0])
        if means and means["ours"] < best - 1e-9:
            missed.append(f"class {kind}")
    means = [f"{100 * sum(v) / len(v):.2f}" if v else "-" for v in every.values()]
    print(f"{'all':24} {sum(e['n'] for e in table.values()):5} {means[0]:>7} {means[1]:>8} "
          f"{means[2]:>8} {means[3]:>7}")
    good = sum(i >= IOU_MIN for i in ious)
    print(f"boxes with IoU >= {IOU_MIN}: {good} of {len(ious)}")
    if ious and good < 0.98 * len(ious):
        missed.append("boxes")
    if every["ours"] and sum(every["ours"]) < 0.97 * len(every["ours"]):
        missed.append("accuracy")
    print("missed: " + (", ".join(missed) if missed else "nothing"))
    if options.json:
        json.dump(rows, open(options.json, "w"), indent=1)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
