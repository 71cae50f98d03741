"""8.1  Tokens: byte-pair encoding

Text becomes numbers. Begin with one token for each character. Then find the pair of
neighbours that occurs most often, make one new token of it, and replace it everywhere;
again and again. Frequent words become one token, rare ones a few pieces.

    [1, 2, 3, 1, 2]        the pair (1, 2) occurs twice
    merge it to 9   ->     [9, 3, 9]

ids: a list of whole numbers.
most_frequent_pair returns the pair that occurs most often, of several the first one.
merge goes from left to right: in [1, 1, 1], the pair (1, 1) is found once. -> [9, 1]
"""


def most_frequent_pair(ids):
    counts = {}  # a dict keeps the order in which pairs came
    for pair in zip(ids, ids[1:], strict=False):
        ...  # TODO
    return max(counts, key=counts.get)


def merge(ids, pair, new):
    merged, k = [], 0
    while k < len(ids):
        found = ...  # TODO: does the pair stand at k and k + 1?
        merged.append(new if found else ids[k])
        k += 2 if found else 1
    return merged
