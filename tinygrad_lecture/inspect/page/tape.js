/// <reference path="arrays.js" />
// Backpropagation in the browser: a tape of what was computed, and each op as made of five kinds of nodes.
//
// These know their derivatives: `each` (element by element), `sums`, `largest`, `pick` (moves elements) and `product`. All
// ops are made of them; those of layers, as attention, by the definitions that the engine has.

// A value: its shape, its numbers, and back, which is given its gradient and adds to those of its inputs.
class TapeNode {
  constructor(shape, numbers, back) {
    Object.assign(this, { shape, numbers, back, slope: null });
  }

  // Its gradient, an array that is made when it is first asked for: forward alone needs none.
  get grad() {
    return (this.slope ??= new Float64Array(this.numbers.length));
  }
}

class Tape {
  constructor() {
    this.nodes = []; // in the order of computing
  }

  // back: is given the gradient of the node, and adds to those of its inputs.
  /** @param {(g: Float64Array) => void} back */
  node(shape, numbers, back = () => {}) {
    const made = new TapeNode(shape, numbers, back);
    this.nodes.push(made);
    return made;
  }

  // A node of numbers that are given, and need no gradient.
  given(shape, numbers) {
    return Object.assign(this.node(shape, numbers), { fixed: true });
  }

  // A function of the elements, broadcast. rule: the function, and its derivative for each input, given those elements
  // and the result; undefined for an input without a gradient.
  /** @param {((...x: number[]) => number)[]} rule */
  each([f, ...slopes], ...inputs) {
    const shape = broadcast(inputs.map((x) => x.shape));
    const places = inputs.map((x) => spread(x.shape, shape));
    const numbers = new Float64Array(sizeOf(shape));
    const [[x, y, z], [p, q, r]] = [inputs.map((one) => one.numbers), places];
    const at = {
      1: (h, i) => h(x[p[i]], numbers[i]),
      2: (h, i) => h(x[p[i]], y[q[i]], numbers[i]),
      3: (h, i) => h(x[p[i]], y[q[i]], z[r[i]], numbers[i]),
    }[inputs.length];
    for (let i = 0; i < numbers.length; i += 1) numbers[i] = at(f, i);
    return this.node(shape, numbers, (g) =>
      slopes.forEach((slope, k) => {
        if (!slope || inputs[k].fixed) return;
        for (let i = 0; i < g.length; i += 1) if (g[i] !== 0) inputs[k].grad[places[k][i]] += g[i] * at(slope, i);
      }),
    );
  }

  // The sums over groups of elements. groups: where each element of x is added.
  sums(x, groups, shape) {
    const numbers = new Float64Array(sizeOf(shape));
    groups.forEach((to, i) => (numbers[to] += x.numbers[i]));
    return this.node(shape, numbers, (g) => groups.forEach((to, i) => (x.grad[i] += g[to])));
  }

  // Elements of inputs, put elsewhere. places: where each was, counted through all inputs, -1 for a 0.
  pick(inputs, places, shape) {
    const from = joinedNumbers(inputs.map((x) => x.numbers));
    const numbers = new Float64Array(places.length);
    places.forEach((at, i) => at >= 0 && (numbers[i] = from[at]));
    return this.node(shape, numbers, (g) => {
      const grads = new Float64Array(from.length);
      places.forEach((at, i) => at >= 0 && (grads[at] += g[i]));
      let first = 0;
      for (const { grad } of inputs) grad.forEach((_, i) => (grad[i] += grads[first++]));
    });
  }

  // a (..., n, k) @ b (..., k, m).
  product(a, b) {
    const [[n, k], m] = [a.shape.slice(-2), b.shape.at(-1)];
    const stacks = [a, b].map((x) => x.shape.slice(0, -2));
    const stack = broadcast(stacks);
    const [of_a, of_b] = stacks.map((shape) => spread(shape, stack));
    const [A, B, out] = [a.numbers, b.numbers, new Float64Array(of_a.length * n * m)];
    // For each row of the result: where the row of a begins, the matrix of b, and the row itself.
    const rows = (use) => {
      for (let s = 0; s < of_a.length; s += 1)
        for (let i = 0; i < n; i += 1) use((of_a[s] * n + i) * k, of_b[s] * k * m, (s * n + i) * m);
    };
    rows((p, q, to) => {
      let l = 0;
      for (; l + 8 <= k; l += 8, p += 8, q += 8 * m) {
        const [r, s, t, u] = [A[p], A[p + 1], A[p + 2], A[p + 3]];
        const [w, x, y, z] = [A[p + 4], A[p + 5], A[p + 6], A[p + 7]];
        if (a.fixed && !(r || s || t || u || w || x || y || z)) continue; // most of a picture is 0
        for (let j = 0, at = q, on = q + 4 * m; j < m; j += 1, at += 1, on += 1) {
          const first = r * B[at] + s * B[at + m] + t * B[at + 2 * m] + u * B[at + 3 * m];
          out[to + j] += first + (w * B[on] + x * B[on + m] + y * B[on + 2 * m] + z * B[on + 3 * m]);
        }
      }
      for (; l < k; l += 1, p += 1, q += m) for (let j = 0; j < m; j += 1) out[to + j] += A[p] * B[q + j];
    });
    return this.node([...stack, n, m], out, (g) => {
      const [gradA, gradB] = [a.fixed ? null : a.grad, b.grad];
      rows((p, q, to) => {
        for (let l = 0; l < k; l += 1, p += 1, q += m) {
          if (a.fixed && A[p] === 0) continue;
          for (let j = 0; j < m; j += 1) gradB[q + j] += g[to + j] * A[p];
          if (a.fixed) continue;
          let sum = 0;
          for (let j = 0; j < m; j += 1) sum += g[to + j] * B[q + j];
          gradA[p] += sum;
        }
      });
    });
  }

  // Gradients of everything, where those of some nodes are set already.
  backward() {
    for (const node of this.nodes.toReversed()) if (node.slope) node.back(node.slope);
  }

  // --- what is made of these --------------------------------------------------------------------------------

  reshaped(x, shape) {
    return this.pick([x], [...x.numbers.keys()], shape);
  }

  scaled(x, factor) {
    return this.each([(p) => p * factor, () => factor], x);
  }

  // The largest of each group; ties share the gradient.
  largest(x, groups, shape) {
    const [numbers, ties] = [new Float64Array(sizeOf(shape)).fill(-Infinity), new Float64Array(sizeOf(shape))];
    groups.forEach((to, i) => (numbers[to] = Math.max(numbers[to], x.numbers[i])));
    const each = (use) => groups.forEach((to, i) => x.numbers[i] === numbers[to] && use(to, i));
    each((to) => (ties[to] += 1));
    return this.node(shape, numbers, (g) => each((to, i) => (x.grad[i] += g[to] / ties[to])));
  }

  softmax(x, axis, log = false) {
    const { groups, shape } = along(x.shape, axis);
    const shifted = this.each([(p, most) => p - most, () => 1], x, this.largest(x, groups, shape));
    const exps = this.each(EACH.exp, shifted);
    const total = this.sums(exps, groups, shape);
    return log ? this.each(EACH.sub, shifted, this.each(EACH.log, total)) : this.each(EACH.div, exps, total);
  }
}

// --- shapes ---------------------------------------------------------------------------------------------------

function broadcast(shapes) {
  const most = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: most }, (_, axis) =>
    shapes.reduce((n, shape) => (n === 1 ? (shape[axis - most + shape.length] ?? 1) : n), 1),
  );
}

// For each element of a shape, one after the other, its place, where a step along each axis moves by so many places.
function placesOf(shape, steps) {
  let places = new Int32Array(1);
  for (const axis of [...shape.keys()].reverse()) {
    const [n, step, inner] = [shape[axis], steps[axis], places];
    places = new Int32Array(n * inner.length);
    for (let i = 0; i < n; i += 1)
      for (let k = 0; k < inner.length; k += 1) places[i * inner.length + k] = i * step + inner[k];
  }
  return places;
}

// For each element of a shape, which element of one that is broadcast to it stands there.
function spread(from, to) {
  const steps = from.map((n, axis) => (n > 1 ? sizeOf(from.slice(axis + 1)) : 0));
  return placesOf(to, [...new Array(to.length - from.length).fill(0), ...steps]);
}

// Of a reduction over axes (null: all): the group of each element, and the shape of the groups, their axes kept as 1.
function along(shape, axes) {
  const given = axes === null || axes === undefined ? [...shape.keys()] : [axes].flat();
  const over = new Set(given.map((axis) => (axis + shape.length) % shape.length));
  const kept = shape.map((n, axis) => (over.has(axis) ? 1 : n));
  return { groups: spread(kept, shape), shape: kept };
}

function joinedNumbers(rows) {
  const joined = new Float64Array(rows.reduce((sum, row) => sum + row.length, 0));
  rows.reduce((start, row) => (joined.set(row, start), start + row.length), 0);
  return joined;
}

// --- ops ------------------------------------------------------------------------------------------------------

const tie = (a, b) => (a === b ? 0.5 : Number(a > b));
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const bell = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

// The area below the bell curve up to x: by a series without cancellation.
function area(x) {
  let [sum, term] = [0, x];
  for (let n = 3; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 400; n += 2) {
    sum += term;
    term *= (x * x) / n;
  }
  return Math.abs(x) > 8 ? Number(x > 0) : 0.5 + bell(x) * sum;
}

// GELU by tanh is x * sigmoid(curve(x)), as (1 + tanh(u)) / 2 is sigmoid(2 u).
const curve = (x) => Math.sqrt(8 / Math.PI) * (x + 0.044715 * x * x * x);
const slopeOfCurve = (x) => Math.sqrt(8 / Math.PI) * (1 + 3 * 0.044715 * x * x);

// Ops that take elements one by one: see `Tape.each`.
const EACH = {
  add: [(a, b) => a + b, () => 1, () => 1],
  sub: [(a, b) => a - b, () => 1, () => -1],
  mul: [(a, b) => a * b, (a, b) => b, (a) => a],
  div: [(a, b) => a / b, (a, b) => 1 / b, (a, b, y) => -y / b],
  pow: [(a, b) => a ** b, (a, b) => (b === 0 ? 0 : b * a ** (b - 1)), (a, b, y) => (a > 0 ? y * Math.log(a) : 0)],
  maximum: [(a, b) => Math.max(a, b), (a, b) => tie(a, b), (a, b) => tie(b, a)],
  minimum: [(a, b) => Math.min(a, b), (a, b) => tie(b, a), (a, b) => tie(a, b)],
  where: [(c, a, b) => (c ? a : b), undefined, (c) => Number(c !== 0), (c) => Number(c === 0)],
  neg: [(x) => -x, () => -1],
  exp: [Math.exp, (x, y) => y],
  log: [Math.log, (x) => 1 / x],
  log1p: [Math.log1p, (x) => 1 / (1 + x)],
  sqrt: [Math.sqrt, (x, y) => 0.5 / y],
  root: [Math.sqrt, (x, y) => (y === 0 ? 0 : 0.5 / y)],
  rsqrt: [(x) => 1 / Math.sqrt(x), (x, y) => (-0.5 * y) / x],
  abs: [Math.abs, Math.sign],
  sin: [Math.sin, Math.cos],
  cos: [Math.cos, (x) => -Math.sin(x)],
  tanh: [Math.tanh, (x, y) => 1 - y * y],
  sigmoid: [sigmoid, (x, y) => y * (1 - y)],
  relu: [(x) => Math.max(x, 0), (x) => Number(x > 0)],
  silu: [(x) => x * sigmoid(x), (x, y) => sigmoid(x) + y * (1 - sigmoid(x))],
  gelu: [(x) => x * area(x), (x) => area(x) + x * bell(x)],
  "gelu tanh": [(x) => x * sigmoid(curve(x)), (x, y) => sigmoid(curve(x)) * (1 + (x - y) * slopeOfCurve(x))],
};

// Other ops. Each is given a tape, inputs (null for one that was left out), settings, and the shape of the result.
const OPS = {
  leaky_relu: (t, [x], { negative_slope: slope = 0.01 }) =>
    t.each([(p) => (p > 0 ? p : slope * p), (p) => (p > 0 ? 1 : slope)], x),
  gelu: (t, [x], { approximate }) => t.each(EACH[approximate === "tanh" ? "gelu tanh" : "gelu"], x),
  clip_to: (t, [x], { min, max }) => {
    const [low, high] = [min ?? -Infinity, max ?? Infinity];
    return t.each([(p) => Math.min(Math.max(p, low), high), (p) => Number(p >= low && p <= high)], x);
  },
  sum: (t, [x], { axis }, shape) => t.sums(x, along(x.shape, axis).groups, shape),
  mean: (t, [x], { axis }, shape) =>
    t.scaled(t.sums(x, along(x.shape, axis).groups, shape), sizeOf(shape) / x.numbers.length),
  amax: (t, [x], { axis }, shape) => t.largest(x, along(x.shape, axis).groups, shape),
  amin: (t, [x], { axis }, shape) => t.scaled(t.largest(t.scaled(x, -1), along(x.shape, axis).groups, shape), -1),
  softmax: (t, [x], { axis = -1 }) => t.softmax(x, axis),
  log_softmax: (t, [x], { axis = -1 }) => t.softmax(x, axis, true),
  matmul: (t, [a, b], _, shape) => {
    const rows = a.shape.length === 1 ? t.reshaped(a, [1, ...a.shape]) : a;
    const columns = b.shape.length === 1 ? t.reshaped(b, [...b.shape, 1]) : b;
    return t.reshaped(t.product(rows, columns), shape);
  },
};

// The node of an operand: a value or a number; null for one that was left out.
function operand(tape, nodes, part) {
  if (part === null) return null;
  if (part.follows) throw new Error(`${part.follows} is a condition or a detached value, which may change`);
  if (part.value !== undefined) return nodes[part.value];
  return tape.node(part.shape, Float64Array.from(decode(part.data, 8)));
}

// The node of a value that an op makes of inputs: by a rule, as a move of elements, or by the ops of its definition.
function nodeOf(tape, { op, settings, shape, places, parts }, inputs) {
  if (OPS[op]) return OPS[op](tape, inputs, settings, shape);
  if (EACH[op]) return tape.each(EACH[op], ...inputs);
  if (places) return tape.pick(inputs.filter(Boolean), places, shape);
  if (!parts) throw new Error(`it has no rule for ${op}`);
  const nodes = [...inputs];
  let weights;
  for (const part of parts) {
    const given = part.operands.map((x) => operand(tape, nodes, x));
    nodes.push(nodeOf(tape, part, given));
    if (part.op === "attention_weights") weights = nodes.at(-1);
  }
  return Object.assign(nodes.at(-1), { weights });
}
