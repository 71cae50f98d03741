/// <reference path="gpt.js" />
// The GPT in a worker, so that the page never waits.
//
// What a page asks its model, this one or that of live.py: { text, off, at, block }. off: heads that are silent, as "1.3".
// at: the number of a token, or null for the last. block: the only one whose attention is asked for, or null for all, as
// here always. What it is told: { tokens, unknown, cut, at, attention, lens, next }: the texts
// of the tokens; the signs that it never saw; whether it reads the last tokens only; the token asked for; by the number
// of a block the weights of attention, (heads, n, n); the likeliest tokens by the vector of token `at` after the embedding and each
// block, and those that come next, as [text, probability], the likeliest first.

let model, signs;

onmessage = ({ data }) => {
  if (data.model) [model, signs] = [modelOf(data.model), data.model.vocabulary];
  else postMessage(answer(data));
};

function answer({ text, off, at }) {
  const typed = [...text];
  const known = typed.filter((sign) => signs.includes(sign));
  const tokens = known.slice(-model.context);
  const unknown = [...new Set(typed.filter((sign) => !signs.includes(sign)))];
  const told = { tokens, unknown, cut: tokens.length < known.length };
  if (!tokens.length) return told;
  at = Math.min(at ?? Infinity, tokens.length - 1);
  const ids = tokens.map((sign) => signs.indexOf(sign));
  const { attention, lens, next } = model.run(ids, at, off);
  return { ...told, at, attention, lens: lens.map((scores) => likeliest(scores).slice(0, 4)), next: likeliest(next) };
}

function likeliest(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b));
  const exps = scores.map((score) => Math.exp(score - most));
  const total = exps.reduce((sum, x) => sum + x, 0);
  return Array.from(exps, (x, token) => [signs[token], x / total]).sort(([, a], [, b]) => b - a);
}
