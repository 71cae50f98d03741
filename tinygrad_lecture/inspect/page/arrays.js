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
  return array.dtype === "bool" ? (value ? "True" : "False") : number(value);
}

/**
 * A small array in one line, "[[0.5, -1], [1, 2]]"; of a large one its shape, range and mean.
 * @param {ArrayData} array
 * @param {number} [most]
 */
export function inLine(array, most = 8) {
  const numbers = elementsOf(array);
  if (numbers && numbers.length <= most) return nested(array, numbers, 0, 0, numbers.length);
  const mean = array.mean === undefined ? "" : `, mean ${number(array.mean)}`;
  const range = array.low === undefined || array.high === undefined ? "" : `: ${number(array.low)} to ${number(array.high)}`;
  return `${shapeText(array.shape)}${range}${mean}`;
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
