"""What a quote may go on with: the same rule as the engine's QuoteConstraint.

A quote is a token sequence of the documents. Training compares only the tokens that the decoder
would allow, so nothing is spent on what it forbids, and a quote that has become unique is free.
"""
import numpy as np


class QuotePlaces:
    def __init__(self, ids, quotable, vocabulary):
        """ids: of the context; quotable: bool for each, False in headers and templates"""
        self.vocabulary = vocabulary
        # -1 stands behind the end, and wherever no quote may go.
        self.ids = np.append(np.where(quotable, ids, -1), -1)
        self.starts = np.flatnonzero(self.ids >= 0)
        self.starts = self.starts[vocabulary.begins_quote[self.ids[self.starts]]]
        self.first = np.unique(self.ids[self.starts])

    def allowed(self, quote):
        """For each token of `quote` and for the </quote> behind it: the ids allowed there.
        Second: how many tokens make it unique (all of them if none do)."""
        choices, n_unique = [self.first], len(quote)
        places = self.starts
        for i, token in enumerate(quote):
            places = places[self.ids[places + i] == token]
            following = self.ids[places + i + 1]
            if len(places) == 1:
                n_unique = min(n_unique, i + 1)
            following = np.unique(following[following >= 0])
            choices.append(np.append(following, self.vocabulary.close))
        return choices, n_unique
