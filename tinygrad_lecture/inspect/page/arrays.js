/// <reference path="numbers.js" />
// Arrays: their elements, decoded when they are first looked at, what is known of these, and the texts of both.

// text: base64. size: bytes of a number.
function decode(text, size) {
  const { buffer } = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new { 1: Uint8Array, 4: Float32Array, 8: Float64Array }[size](buffer);
}

// The elements of an array that the page holds whole, else null.
function elementsOf(array) {
  if (array.data !== undefined) array.numbers ??= decode(array.data, array.size);
  return array.numbers ?? null;
}

// The range and mean of the finite elements of an array; of one that the page does not hold whole what it was told of it.
function factsOf(array) {
  const numbers = elementsOf(array);
  if (!numbers) return array;
  if (array.facts) return array.facts;
  const finite = Array.from(numbers).filter(Number.isFinite);
  const facts = { odd: numbers.length - finite.length };
  if (finite.length) {
    const [low, high] = [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
    const middle = finite.reduce((sum, x) => sum + x, 0) / finite.length;
    const mean = Math.abs(middle) < (EPS[array.dtype] ?? EPS.float64) * Math.max(-low, high) ? 0 : middle; // else it is rounding
    Object.assign(facts, { low, high, mean });
  }
  return (array.facts = facts);
}

const EPS = { float16: 2 ** -10, float32: 2 ** -23, float64: 2 ** -52 }; // the step from 1 to the next number

// An array that the page has computed, with the text that numbers.py would write.
function arrayOf(numbers, shape, dtype) {
  const array = { shape, dtype, numbers };
  return { ...array, text: textOf(array) };
}

function textOf(array) {
  const { shape, numbers } = array;
  const listed = (axis, start, count) => {
    if (axis === shape.length) return elementText(array, numbers[start] + 0);
    const part = count / shape[axis];
    return `[${range(shape[axis])
      .map((i) => listed(axis + 1, start + i * part, part))
      .join(", ")}]`;
  };
  if (numbers.length <= 8) return listed(0, 0, numbers.length);
  const { low, high, mean } = factsOf(array);
  if (array.dtype === "bool") return `shape ${shapeText(shape)}, ${mean * numbers.length} of ${numbers.length} True`;
  const [least, most, middle] = [low, high, mean].map((x) => number(x));
  return `shape ${shapeText(shape)}, ${low === high ? `all ${least}` : `from ${least} to ${most}, mean ${middle}`}`;
}

// The index of an element as text: "[0, 1]".
function placeText(shape, index) {
  return shape.length ? `[${indexText(shape, index)}]` : "";
}

// The same without brackets: "0, 1".
function indexText(shape, index) {
  return shape.map((n, axis) => Math.floor(index / sizeOf(shape.slice(axis + 1))) % n).join(", ");
}

// One number as text; those of bools are words.
function elementText(array, value) {
  return array.dtype === "bool" ? (value ? "True" : "False") : number(value);
}

function largest(numbers) {
  return numbers.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
}

function indexOfLargest(numbers) {
  return numbers.reduce((best, x, i) => (x > numbers[best] ? i : best), 0);
}

// Scores as shares of 1.
function softmax(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b));
  const exps = scores.map((score) => Math.exp(score - most));
  const total = exps.reduce((a, b) => a + b);
  return exps.map((x) => x / total);
}
