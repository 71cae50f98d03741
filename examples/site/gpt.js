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
      const {
        shape: [outputs, inputs],
        numbers,
      } = this.weights[`${name}.weight`];
      const turned = Float64Array.from(numbers, (_, i) => numbers[(i % outputs) * inputs + Math.floor(i / outputs)]);
      this.transposed.set(name, { shape: [inputs, outputs], numbers: turned });
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
    return bias ? OPS.add(tape, [scaled, tape.given(bias.shape, bias.numbers)], {}) : scaled;
  }

  // x (n, width) -> what attention adds, (n, width), and its weights, (heads, n, n). off: whether each head is silent.
  attention(tape, x, name, off) {
    const [n, dim] = [x.shape[0], this.width / this.heads];
    const at = (h, i, d) => i * this.width + h * dim + d;
    const [byHead, turned] = [[], []]; // (heads, n, dim) and (heads, dim, n), of (n, width)
    for (let h = 0; h < this.heads; h += 1) {
      for (let i = 0; i < n; i += 1) for (let d = 0; d < dim; d += 1) byHead.push(at(h, i, d));
      for (let d = 0; d < dim; d += 1) for (let i = 0; i < n; i += 1) turned.push(at(h, i, d));
    }
    const split = (part, places, shape) => tape.pick([this.linear(tape, x, `${name}.${part}`)], places, shape);
    const q = split("W_Q", byHead, [this.heads, n, dim]);
    const k = split("W_K", turned, [this.heads, dim, n]);
    const v = split("W_V", byHead, [this.heads, n, dim]);
    const later = tape.given(
      [n, n],
      Float64Array.from({ length: n * n }, (_, i) => (i % n > Math.floor(i / n) ? -Infinity : 0)),
    );
    const weights = tape.softmax(OPS.add(tape, [tape.scaled(tape.product(q, k), dim ** -0.5), later], {}), -1);
    const sent = tape.product(weights, v);
    const heard = tape.given(
      [this.heads, 1, 1],
      Float64Array.from(off, (silent) => Number(!silent)),
    );
    const back = Array.from({ length: n * this.width }, (_, i) => {
      const [token, column] = [Math.floor(i / this.width), i % this.width];
      return (Math.floor(column / dim) * n + token) * dim + (column % dim);
    });
    const joined = tape.pick([tape.each(EACH.mul, sent, heard)], back, [n, this.width]);
    return { added: this.linear(tape, joined, `${name}.W_O`), weights: weights.numbers };
  }

  // The residual stream's vectors (n, width) -> scores of all tokens, (n, vocabulary).
  read(tape, x) {
    return this.linear(tape, this.norm(tape, x, "norm"), "unembedding.W_U").numbers;
  }

  // tokens, at most `context` -> logits (n, vocabulary), attention weights of each block, and the logits that would be
  // read after the embedding and after each block (logit lens). off: heads that are silent, as "1.3".
  run(tokens, off = []) {
    const [tape, n] = [new Tape(), tokens.length];
    const row = ({ numbers }, i) => numbers.subarray(i * this.width, (i + 1) * this.width);
    const embedded = tokens.map((token, i) => {
      const [word, place] = [
        row(this.weights["embedding.W_E.weight"], token),
        row(this.weights["embedding.positions.weight"], i),
      ];
      return word.map((w, d) => w + place[d]);
    });
    let x = tape.given([n, this.width], Float64Array.from(embedded.flatMap((vector) => [...vector])));
    const [attention, lens] = [[], [this.read(tape, x)]];
    for (let block = 0; block < this.layers; block += 1) {
      const name = `blocks.${block}`;
      const silent = Array.from({ length: this.heads }, (_, h) => off.includes(`${block}.${h}`));
      const { added, weights } = this.attention(
        tape,
        this.norm(tape, x, `${name}.norm_1`),
        `${name}.attention`,
        silent,
      );
      x = OPS.add(tape, [x, added], {});
      const up = this.linear(tape, this.norm(tape, x, `${name}.norm_2`), `${name}.ffn.up`);
      x = OPS.add(tape, [x, this.linear(tape, tape.each(EACH["gelu tanh"], up), `${name}.ffn.down`)], {});
      attention.push(weights);
      lens.push(this.read(tape, x));
    }
    return { logits: lens.at(-1), attention, lens };
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
