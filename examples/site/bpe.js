/// <reference path="../../tinygrad_lecture/inspect/page/arrays.js" />
// Byte pair encoding, as transformer/tokenizer/bpe.py has it: a text is cut into words, and the signs of each are merged.

class Tokenizer {
  // vocabulary: the text of each token. merges: pairs of tokens, in the order in which they were learnt. pattern: of a word.
  constructor({ vocabulary, merges, pattern }) {
    this.vocabulary = vocabulary;
    this.pattern = new RegExp(pattern, "gu");
    this.ids = new Map(vocabulary.map((text, id) => [text, id]));
    this.ranks = new Map(merges.map((pair, rank) => [String(pair), rank]));
  }

  // A text of signs that are tokens -> tokens.
  encode(text) {
    return (text.match(this.pattern) ?? []).flatMap((word) => this.merged([...word].map((sign) => this.ids.get(sign))));
  }

  // The tokens of a word, after all merges: of those that are possible the one that was learnt first comes first.
  merged(tokens) {
    for (;;) {
      const ranks = tokens.slice(1).map((right, i) => this.ranks.get(`${tokens[i]},${right}`) ?? Infinity);
      const at = indexOfLargest(ranks.map((rank) => -rank));
      if (!(ranks[at] < Infinity)) return tokens;
      tokens.splice(at, 2, this.ids.get(this.vocabulary[tokens[at]] + this.vocabulary[tokens[at + 1]]));
    }
  }
}
