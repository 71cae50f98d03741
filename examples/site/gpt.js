/// <reference path="../../tinygrad_lecture/inspect/page/compute.js" />
// A GPT forward, as transformer/gpt.py has it: embedding, blocks, norm, unembedding.

const plus = (a, b) => each(EACH.add, a.shape, a, b);

// GELU by tanh: (1 + tanh(u)) / 2 is sigmoid(2 u).
const gelu = (x) => x * sigmoid(Math.sqrt(8 / Math.PI) * (x + 0.044715 * x * x * x));

class GPT {
  // weights: by the names of a state_dict, { shape, numbers }, those of linear layers (outputs, inputs).
  constructor({ layers, heads, width, context, vocabulary, eps }, weights) {
    Object.assign(this, { layers, heads, width, context, vocabulary, eps, weights });
    this.transposed = new Map();
  }

  // x (n, inputs) -> (n, outputs). The weights are turned once: (inputs, outputs).
  linear(x, name) {
    if (!this.transposed.has(name)) this.transposed.set(name, transposed(this.weights[`${name}.weight`]));
    return product(x, this.transposed.get(name));
  }

  norm(x, name) {
    const [weight, bias] = ["weight", "bias"].map((part) => this.weights[`${name}.${part}`]?.numbers);
    return byRow(x, (row) => {
      const mean = average(row);
      const scale = 1 / Math.sqrt(average(row.map((v) => (v - mean) ** 2)) + this.eps);
      return row.map((v, i) => (v - mean) * scale * weight[i] + (bias?.[i] ?? 0));
    });
  }

  // x (n, width) -> what attention adds, (n, width), and its weights, (heads, n, n). share: of what
  // each head sends, 0 where it is silent.
  attention(x, name, share) {
    const [n, dim] = [x.shape[0], this.width / this.heads];
    // (heads, n, dim) and (heads, dim, n), of (n, width).
    const byHead = placesOf([this.heads, n, dim], [dim, this.width, 1]);
    const turned = placesOf([this.heads, dim, n], [dim, 1, this.width]);
    const split = (part, places, shape) => taken([this.linear(x, `${name}.${part}`)], places, shape);
    const q = split("W_Q", byHead, [this.heads, n, dim]);
    const k = split("W_K", turned, [this.heads, dim, n]);
    const v = split("W_V", byHead, [this.heads, n, dim]);
    const weights = byRow(product(q, k, [this.heads, n, n]), (scores, row) =>
      softmax(scores.map((score, key) => (key > row % n ? -Infinity : score * dim ** -0.5))),
    );
    const sent = product(weights, v, q.shape);
    const heard = each(EACH.mul, q.shape, sent, { shape: [this.heads, 1, 1], numbers: share });
    const joined = taken([heard], placesOf([n, this.heads, dim], [dim, n * dim, 1]), x.shape);
    return { added: this.linear(joined, `${name}.W_O`), weights: weights.numbers };
  }

  // Some rows of numbers, the vectors of tokens: (rows, width).
  rows(numbers, which) {
    const vectors = which.map((row) => numbers.subarray(row * this.width, (row + 1) * this.width));
    return { shape: [which.length, this.width], numbers: joinedNumbers(vectors) };
  }

  // The vector of a token -> the scores of all tokens.
  read(x, token) {
    return this.linear(this.norm(this.rows(x.numbers, [token]), "norm"), "unembedding.W_U").numbers;
  }

  // tokens, at most `context` -> the attention weights of each block, (heads, n, n); the scores that would be read from
  // token `at` after the embedding and after each block (logit lens); and those of the next token. off: heads that are
  // silent, as "1.3".
  run(tokens, at, off = []) {
    let n = tokens.length;
    const [words, places] = ["W_E", "positions"].map((part) => this.weights[`embedding.${part}.weight`].numbers);
    let x = plus(this.rows(words, tokens), this.rows(places, [...tokens.keys()]));
    const [attention, lens] = [[], [this.read(x, at)]];
    for (let block = 0; block < this.layers; block += 1) {
      const name = `blocks.${block}`;
      const share = Float64Array.from({ length: this.heads }, (_, h) => Number(!off.includes(`${block}.${h}`)));
      const { added, weights } = this.attention(this.norm(x, `${name}.norm_1`), `${name}.attention`, share);
      x = plus(x, added);
      if (block === this.layers - 1) [x, at, n] = [this.rows(x.numbers, [at, n - 1]), 0, 2]; // only these two are read
      const up = this.linear(this.norm(x, `${name}.norm_2`), `${name}.ffn.up`);
      x = plus(x, this.linear(each(gelu, up.shape, up), `${name}.ffn.down`));
      attention.push(weights);
      lens.push(this.read(x, at));
    }
    return { attention, lens, next: this.read(x, n - 1) };
  }
}

// An array with rows made of those of another. make: given a row, and which one it is.
function byRow({ shape, numbers }, make) {
  const width = shape.at(-1);
  const rows = range(numbers.length / width).map((i) => make(numbers.subarray(i * width, (i + 1) * width), i));
  return { shape, numbers: joinedNumbers(rows) };
}

function average(numbers) {
  return numbers.reduce((a, b) => a + b) / numbers.length;
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
