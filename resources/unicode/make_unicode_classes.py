#!/usr/bin/env python3
"""Writes engine/unicode_classes.cpp from unicode_classes.json of the tokenizer's golden data.

    make_unicode_classes.py ../shared/golden/tokenizer/unicode_classes.json engine/unicode_classes.cpp

The JSON lists inclusive code point ranges of \\p{N} \\p{L} \\p{M} \\p{P} \\p{S} \\s and of the CJK split, as
the tokenizers library 0.23.3 matches them with the character data of Unicode 16.0
(https://www.unicode.org/Public/16.0.0/ucd/, licence: https://www.unicode.org/license.txt).
The table has two stages: 256 code points per block, equal blocks stored once.
"""
import json
import sys

CLASSES = ["other", "L", "M", "N", "P", "S", "white_space"]
CJK = 8
BLOCK = 256
N_CODE_POINTS = 0x110000


def main(source, target):
    data = json.load(open(source))
    table = bytearray(N_CODE_POINTS)
    for name, ranges in data["classes"].items():
        for first, last in ranges:
            for code in range(first, last + 1):
                if name == "cjk_split":
                    table[code] |= CJK
                else:
                    assert table[code] & 7 == 0, (name, code)
                    table[code] |= CLASSES.index(name)
    blocks, stage1 = {}, []
    for begin in range(0, N_CODE_POINTS, BLOCK):
        stage1.append(blocks.setdefault(bytes(table[begin:begin + BLOCK]), len(blocks)))

    def rows(values):
        lines, line = [], "   "
        for value in values:
            item = f" {value},"
            if len(line) + len(item) > 100:
                lines.append(line)
                line = "   "
            line += item
        return "\n".join(lines + [line])

    stage2 = [value for block in blocks for value in block]
    assert len(blocks) <= 256
    open(target, "w").write(f"""\
// unicode_classes.cpp: made by resources/unicode/make_unicode_classes.py; Unicode {data["unicode"]}.
#include "engine/unicode_classes.h"

namespace engine {{

// clang-format off
const std::array<std::uint8_t, {len(stage1)}> kUnicodeBlocks = {{
{rows(stage1)}
}};

const std::array<std::uint8_t, {len(stage2)}> kUnicodeClasses = {{
{rows(stage2)}
}};
// clang-format on

}}  // namespace engine
""")
    print(len(blocks), "blocks")


if __name__ == "__main__":
    main(*sys.argv[1:])
