// Arrays of the page: decoded when they are first looked at.

import { number, shapeText } from "./numbers.js";

/** @type {Map<string, Float64Array | Float32Array | Uint8Array>} */
const decoded = new Map();

/**
 * @param {string} text  base64
 * @param {number} size  bytes of a number
 */
export function decode(text, size) {
  const held = decoded.get(text);
  if (held) return held;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const numbers = size === 1 ? bytes : size === 4 ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  decoded.set(text, numbers);
  return numbers;
}

/**
 * The elements of an array that the page holds whole, else null.
 * @param {ArrayData} array
 */
export function elementsOf(array) {
  return array.data === undefined ? null : decode(array.data, array.size);
}

/**
 * An array with its range, mean and histogram; those of an array that the page holds whole are found out here, once.
 * @param {ArrayData} array
 */
export function withFacts(array) {
  const numbers = elementsOf(array);
  if (!numbers || array.odd !== undefined) return array;
  const finite = Array.from(numbers).filter(Number.isFinite);
  array.odd = numbers.length - finite.length;
  if (!finite.length) return array;
  array.low = finite.reduce((least, x) => Math.min(least, x));
  array.high = finite.reduce((most, x) => Math.max(most, x));
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
  array.mean = mean;
  array.sd = Math.sqrt(finite.reduce((sum, x) => sum + (x - mean) ** 2, 0) / finite.length);
  const width = array.high - array.low;
  if (finite.length > 16 && width > 0 && Number.isFinite(width)) {
    array.counts = new Array(20).fill(0);
    for (const x of finite) array.counts[Math.min(Math.floor((20 * (x - array.low)) / width), 19)] += 1;
  }
  return array;
}

/** @param {ArrayData} array */
export function countOf(array) {
  return array.shape.reduce((product, n) => product * n, 1);
}

/**
 * One number as text; those of bools are words.
 * @param {ArrayData} array
 * @param {number} value
 */
export function elementText(array, value) {
  return array.dtype === "bool" ? (value ? "True" : "False") : number(value, array.digits);
}

/**
 * A small array in one line, "[[0.5, -1], [1, 2]]"; of a large one its shape, range and mean.
 * @param {ArrayData} array
 * @param {number} [most]
 */
export function inLine(array, most = 8) {
  const numbers = elementsOf(array);
  if (numbers && numbers.length <= most) return nested(array, numbers, 0, 0, numbers.length);
  const { low, high, mean } = withFacts(array);
  if (numbers && array.dtype === "bool") return `${shapeText(array.shape)}: ${numbers.filter((x) => x).length} of ${numbers.length} True`;
  const [least, largest, middle] = [low, high, mean].map((x) => (x === undefined ? "" : number(x, array.digits)));
  if (least && least === largest) return `${shapeText(array.shape)}: all ${least}`;
  return `${shapeText(array.shape)}${least && largest ? `: ${least} to ${largest}` : ""}${middle ? `, mean ${middle}` : ""}`;
}

/**
 * @param {ArrayData} array
 * @param {ArrayLike<number>} numbers
 * @param {number} axis
 * @param {number} start
 * @param {number} length  of this part
 * @returns {string}
 */
export function nested(array, numbers, axis, start, length) {
  if (axis === array.shape.length) return elementText(array, numbers[start]);
  const n = array.shape[axis];
  const parts = Array.from({ length: n }, (_, i) => nested(array, numbers, axis + 1, start + (i * length) / n, length / n));
  return `[${parts.join(", ")}]`;
}
