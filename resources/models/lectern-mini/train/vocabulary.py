"""Token ids as the samples need them: bytes, control tokens, what may begin a quote."""
import re
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer


def _bytes_of_characters():
    """The inverse of byte-level BPE's alphabet."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(hidden)}


class Vocabulary:
    def __init__(self, folder):
        """folder: of an exported model"""
        self.tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        self.size = self.tokenizer.get_vocab_size()
        alphabet = _bytes_of_characters()
        added = self.tokenizer.get_added_tokens_decoder()
        names = [self.tokenizer.id_to_token(i) for i in range(self.size)]
        self.bytes = [name.encode() if i in added else bytes(alphabet[c] for c in name)
                      for i, name in enumerate(names)]
        self.ends_line = np.array([i not in added and b"\n" in b for i, b in enumerate(self.bytes)])
        self.blank = np.array([i not in added and not b.strip() for i, b in enumerate(self.bytes)])
        # A quote begins with a character and shows something (engine/quote_index.h).
        self.begins_quote = np.array([i not in added and bool(b.strip()) and b[0] & 0xC0 != 0x80
                                      for i, b in enumerate(self.bytes)])
        self.begin, self.end = 0, 1
        self.user, self.assistant = self._id("<｜User｜>"), self._id("<｜Assistant｜>")
        self.end_think = self._id("</think>")
        self.open, self.close = self._id("<quote>"), self._id("</quote>")
        self.none = self._id("<none/>")

    def _id(self, name):
        found = self.tokenizer.token_to_id(name)
        if found is None:
            raise ValueError(f"the vocabulary has no {name}")
        return found

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return b"".join(self.bytes[i] for i in ids).decode("utf-8", "replace")

    def words(self, ids):
        """Identifiers and words of four letters or more in `ids`"""
        return re.findall(r"[A-Za-z_]\w{3,}", self.decode(ids))
