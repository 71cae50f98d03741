/// <reference path="arrays.js" />
// Programs, which compute arrays { shape, numbers } from others: see program.py. They have no derivatives here.

// Goes on with a program from the arrays that are there. constant: an array of the page, by its number.
function runProgram(program, arrays, constant) {
  for (const { op, of, shape, places } of program) {
    const inputs = of.map((n) => (n < 0 ? constant(-1 - n) : arrays[n]));
    if (EACH[op]) arrays.push(each(EACH[op], shape, ...inputs));
    else if (op === "matmul") arrays.push(product(inputs[0], inputs[1], shape));
    else if (op === "take") arrays.push(taken(inputs, listed(places, shape), shape));
    else if (JOINED[op]) arrays.push(collected(op, inputs[0], listed(places, inputs[0].shape), shape));
    else throw new Error(`it has no rule for ${op}`);
  }
}

// --- elements -------------------------------------------------------------------------------------------------

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const SAME = ["abs", "cos", "exp", "expm1", "log", "log10", "log1p", "log2", "sign", "sin", "sqrt", "tanh"];

// What ops make of an element of each input.
const EACH = {
  ...Object.fromEntries(SAME.map((name) => [name, Math[name]])), // JavaScript calls them the same
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  neg: (x) => -x,
  rsqrt: (x) => 1 / Math.sqrt(x),
  root: Math.sqrt,
  sigmoid,
  silu: (x) => x * sigmoid(x),
  relu: (x) => Math.max(x, 0),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
  erf,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  clip_to: (x, low, high) => (x < low ? low : x > high ? high : x),
  where: (condition, a, b) => (condition ? a : b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  isnan: (x) => Number(Number.isNaN(x)),
  bitwise_and: (a, b) => a & b,
  bitwise_or: (a, b) => a | b,
  astype: (x) => x,
};

// The error function, by a series without cancellation.
function erf(x) {
  let [sum, term] = [0, x];
  for (let n = 3; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 400; n += 2) {
    sum += term;
    term *= (2 * x * x) / n;
  }
  return Math.abs(x) > 6 ? Math.sign(x) : (2 * Math.exp(-x * x) * sum) / Math.sqrt(Math.PI);
}

// A function of the elements of up to three arrays, broadcast to a shape.
function each(f, shape, ...inputs) {
  const zero = { shape: [], numbers: [0] };
  const [x, y, z] = [...inputs, zero, zero].map(({ numbers }) => numbers);
  const [p, q, r] = [...inputs, zero, zero].map((one) => spread(one.shape, shape));
  const numbers = new Float64Array(sizeOf(shape));
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = f(x[p[i]], y[q[i]], z[r[i]]);
  return { shape, numbers };
}

// --- elements that move ---------------------------------------------------------------------------------------

// The elements of arrays at some places, counted through all of them; -1 for a 0.
function taken(inputs, places, shape) {
  const from = inputs.length === 1 ? inputs[0].numbers : joinedNumbers(inputs.map((x) => x.numbers));
  const numbers = new Float64Array(places.length);
  for (let i = 0; i < places.length; i += 1) if (places[i] >= 0) numbers[i] = from[places[i]];
  return { shape, numbers };
}

// How elements that come to one place are joined, and what is there at first.
const JOINED = {
  sum: [EACH.add, 0],
  mean: [EACH.add, 0],
  root_of_squares: [Math.hypot, 0],
  amax: [Math.max, -Infinity],
  amin: [Math.min, Infinity],
};

// The elements of an array, each put at its place.
function collected(op, x, places, shape) {
  const [join, first] = JOINED[op];
  const numbers = new Float64Array(sizeOf(shape)).fill(first);
  places.forEach((at, i) => at >= 0 && (numbers[at] = join(numbers[at], x.numbers[i])));
  const count = op === "mean" ? x.numbers.length / numbers.length : 1;
  return { shape, numbers: numbers.map((sum) => sum / count) };
}

// Places as a list, where they may be told as the first one and the steps along each axis of a shape.
function listed(places, shape) {
  return Array.isArray(places) ? places : placesOf(shape, places.steps, places.first);
}

// For each element of a shape, one after the other, its place, where a step along each axis moves by so many places.
function placesOf(shape, steps, first = 0) {
  let places = Int32Array.of(first);
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

function joinedNumbers(rows) {
  const joined = new Float64Array(rows.reduce((sum, row) => sum + row.length, 0));
  rows.reduce((start, row) => (joined.set(row, start), start + row.length), 0);
  return joined;
}

// A matrix with its columns as rows.
function transposed({ shape: [n, m], numbers }) {
  return taken([{ numbers }], placesOf([m, n], [1, m]), [m, n]);
}

// --- products -------------------------------------------------------------------------------------------------

// a (..., n, k) @ b (..., k, m), a vector as a row or a column. shape: of the result.
function product(a, b, shape = [a.shape[0], b.shape[1]]) {
  const left = a.shape.length > 1 ? a.shape : [1, ...a.shape];
  const right = b.shape.length > 1 ? b.shape : [...b.shape, 1];
  const [[n, k], m] = [left.slice(-2), right.at(-1)];
  const stack = shape.slice(0, Math.max(left.length, right.length) - 2);
  const [of_a, of_b] = [left, right].map((one) => spread(one.slice(0, -2), stack));
  const [A, B, out] = [a.numbers, b.numbers, new Float64Array(sizeOf(shape))];
  for (let row = 0, to = 0; row < of_a.length * n; row += 1, to += m) {
    const [s, i] = [Math.floor(row / n), row % n];
    let [l, p, q] = [0, (of_a[s] * n + i) * k, of_b[s] * k * m]; // where the row of a begins, and the matrix of b
    for (; l + 8 <= k; l += 8, p += 8, q += 8 * m) {
      const [r, s, t, u] = [A[p], A[p + 1], A[p + 2], A[p + 3]];
      const [w, x, y, z] = [A[p + 4], A[p + 5], A[p + 6], A[p + 7]];
      // Most of a picture is 0.
      if (r === 0 && s === 0 && t === 0 && u === 0 && w === 0 && x === 0 && y === 0 && z === 0) continue;
      for (let j = 0, at = q, on = q + 4 * m; j < m; j += 1, at += 1, on += 1) {
        const first = r * B[at] + s * B[at + m] + t * B[at + 2 * m] + u * B[at + 3 * m];
        out[to + j] += first + (w * B[on] + x * B[on + m] + y * B[on + 2 * m] + z * B[on + 3 * m]);
      }
    }
    for (; l < k; l += 1, p += 1, q += m) for (let j = 0; j < m; j += 1) out[to + j] += A[p] * B[q + j];
  }
  return { shape, numbers: out };
}
