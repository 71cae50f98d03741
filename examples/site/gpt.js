/// <reference path="../../tinygrad_lecture/inspect/page/tape.js" />
// A GPT on the tape, as transformer/gpt.py has it: embedding, blocks, norm, unembedding. No gradients are asked for.

class GPT {
  // weights: by the names of a state_dict, { shape, numbers }, those of linear layers (outputs, inputs).
  constructor({ layers, heads, width, context, vocabulary, eps }, weights) {
    Object.assign(this, { layers, heads, width, context, vocabulary, eps, weights });
    this.transposed = new Map();
  }

  // x (n, inputs) -> (n, outputs). The weights are turned once: (inputs, outputs).
  linear(tape, x, name) {
    if (!this.transposed.has(name)) {
      const { shape, numbers } = this.weights[`${name}.weight`];
      const turned = shape.toReversed();
      const places = placesOf(turned, [1, turned[0]]);
      this.transposed.set(name, { shape: turned, numbers: Float64Array.from(places, (at) => numbers[at]) });
    }
    const { shape, numbers } = this.transposed.get(name);
    return tape.product(x, tape.given(shape, numbers));
  }

  norm(tape, x, name) {
    const rows = [x.shape[0], 1];
    const centred = tape.each(EACH.sub, x, OPS.mean(tape, [x], { axis: -1 }, rows));
    const variance = OPS.mean(tape, [tape.each(EACH.mul, centred, centred)], { axis: -1 }, rows);
    const scale = tape.each([(v) => 1 / Math.sqrt(v + this.eps)], variance);
    const [weight, bias] = ["weight", "bias"].map((part) => this.weights[`${name}.${part}`]);
    const scaled = tape.each(EACH.mul, tape.each(EACH.mul, centred, scale), tape.given(weight.shape, weight.numbers));
    return bias ? tape.each(EACH.add, scaled, tape.given(bias.shape, bias.numbers)) : scaled;
  }

  // x (n, width) -> what attention adds, (n, width), and its weights, (heads, n, n). share: of what
  // each head sends, 0 where it is silent.
  attention(tape, x, name, share) {
    const [n, dim] = [x.shape[0], this.width / this.heads];
    // (heads, n, dim) and (heads, dim, n), of (n, width).
    const byHead = placesOf([this.heads, n, dim], [dim, this.width, 1]);
    const turned = placesOf([this.heads, dim, n], [dim, 1, this.width]);
    const split = (part, places, shape) => tape.pick([this.linear(tape, x, `${name}.${part}`)], places, shape);
    const q = split("W_Q", byHead, [this.heads, n, dim]);
    const k = split("W_K", turned, [this.heads, dim, n]);
    const v = split("W_V", byHead, [this.heads, n, dim]);
    const mask = new Float64Array(n * n).map((_, i) => (i % n > Math.floor(i / n) ? -Infinity : 0)); // of later tokens
    const later = tape.given([n, n], mask);
    const weights = tape.softmax(tape.each(EACH.add, tape.scaled(tape.product(q, k), dim ** -0.5), later), -1);
    const sent = tape.product(weights, v);
    const back = placesOf([n, this.heads, dim], [dim, n * dim, 1]);
    const heard = tape.each(EACH.mul, sent, tape.given([this.heads, 1, 1], share));
    const joined = tape.pick([heard], back, [n, this.width]);
    return { added: this.linear(tape, joined, `${name}.W_O`), weights: weights.numbers };
  }

  // Some rows of numbers, the vectors of tokens: (rows, width).
  rows(tape, numbers, which) {
    const vectors = which.map((row) => numbers.subarray(row * this.width, (row + 1) * this.width));
    return tape.given([which.length, this.width], joinedNumbers(vectors));
  }

  // The vector of a token -> the scores of all tokens.
  read(tape, x, token) {
    return this.linear(tape, this.norm(tape, this.rows(tape, x.numbers, [token]), "norm"), "unembedding.W_U").numbers;
  }

  // tokens, at most `context` -> the attention weights of each block, (heads, n, n); the scores that would be read from
  // token `at` after the embedding and after each block (logit lens); and those of the next token. off: heads that are
  // silent, as "1.3".
  run(tokens, at, off = []) {
    let [tape, n] = [new Tape(), tokens.length];
    const [words, places] = ["W_E", "positions"].map((part) => this.weights[`embedding.${part}.weight`].numbers);
    let x = tape.each(EACH.add, this.rows(tape, words, tokens), this.rows(tape, places, [...tokens.keys()]));
    const [attention, lens] = [[], [this.read(tape, x, at)]];
    for (let block = 0; block < this.layers; block += 1) {
      const name = `blocks.${block}`;
      const share = Float64Array.from({ length: this.heads }, (_, h) => Number(!off.includes(`${block}.${h}`)));
      const normed = this.norm(tape, x, `${name}.norm_1`);
      const { added, weights } = this.attention(tape, normed, `${name}.attention`, share);
      x = tape.each(EACH.add, x, added);
      if (block === this.layers - 1) [x, at, n] = [this.rows(tape, x.numbers, [at, n - 1]), 0, 2]; // only these two are read
      const up = this.linear(tape, this.norm(tape, x, `${name}.norm_2`), `${name}.ffn.up`);
      x = tape.each(EACH.add, x, this.linear(tape, tape.each(EACH["gelu tanh"], up), `${name}.ffn.down`));
      attention.push(weights);
      lens.push(this.read(tape, x, at));
    }
    return { attention, lens, next: this.read(tape, x, n - 1) };
  }
}

// Numbers of 16 bits (IEEE 754) as they are.
function halves(bytes) {
  const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return Float64Array.from(bits, (b) => {
    const [sign, exponent, fraction] = [b >> 15 ? -1 : 1, (b >> 10) & 31, b & 1023];
    return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : fraction * 2 ** -24);
  });
}

// The model of a page: weights as base64 of 16-bit numbers.
function modelOf({ config, weights }) {
  const read = ([name, { shape, data }]) => [name, { shape, numbers: halves(decode(data, 1)) }];
  return new GPT(config, Object.fromEntries(Object.entries(weights).map(read)));
}
