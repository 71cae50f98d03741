/// <reference path="bpe.js" />
/// <reference path="gpt.js" />
// The GPT in a worker, so that the page never waits.
//
// What a page asks its model, this one or that of live.py: { text, off, at, block }.
//   off: heads that are silent, as "1.3". at: the number of a token, or null for the last.
//   block: the only one whose attention is asked for, or null for all, as here always.
// What it is told: { tokens, unknown, cut, at, attention, lens, next, whole }.
//   tokens: their texts. unknown: the signs that the model never saw. cut: whether it reads the last tokens only.
//   at: the token asked for. attention: by the number of a block its weights, (heads, n, n).
//   lens: the likeliest tokens by the vector of token `at`, after the embedding and after each block.
//   next: those that come next. whole: the same with all heads on, if some are silent.
// Likeliest tokens are [text, probability], the likeliest first.

let model, tokenizer, signs;

onmessage = ({ data }) => {
  if (data.model) [model, tokenizer, signs] = [modelOf(data.model), new Tokenizer(data.model), data.model.signs];
  else postMessage(answer(data));
};

function answer({ text, off, at }) {
  const isKnown = (sign) => signs.includes(sign);
  const unknown = [...new Set(text)].filter((sign) => !isKnown(sign));
  // A space at the end is left out: it belongs to the word that comes next.
  const all = tokenizer.encode([...text].filter(isKnown).join("").replace(/ +$/, ""));
  const read = all.slice(-model.context);
  const told = { tokens: read.map(named), unknown, cut: read.length < all.length };
  if (!read.length) return told;
  at = Math.min(at ?? Infinity, read.length - 1);
  const { attention, lens, next } = model.run(read, at, off);
  const whole = off.length ? likeliest(model.run(read, at).next) : null;
  return { ...told, at, attention, lens: lens.map((x) => likeliest(x).slice(0, 4)), next: likeliest(next), whole };
}

const named = (token) => tokenizer.vocabulary[token];

// All tokens with their probabilities, the likeliest first.
function likeliest(scores) {
  return Array.from(softmax(scores), (p, token) => [named(token), p]).sort(([, a], [, b]) => b - a);
}
