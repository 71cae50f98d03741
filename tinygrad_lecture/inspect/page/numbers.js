// Numbers and shapes as text, as numbers.py writes them.

const IN_FULL = 7; // digits of a number that four would make another whole number, as 1 of 1.00001

// A number with four digits, "0.2351", "-0", "1e-300", "nan"; with more where four would be another whole number.
function number(value, digits = 4) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const most = Math.max(digits, IN_FULL);
  for (let more = digits; more <= most; more += 1) {
    const text = rounded(value, more);
    if (!Number.isInteger(Number(text)) || Number(text) === value) return text;
  }
  return rounded(value, Math.abs(value) < 10 ** IN_FULL ? most : digits);
}

// A number with some digits, as Python's %g writes it.
function rounded(value, digits) {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [front, exponent] = value.toExponential(digits - 1).split("e");
  const [power, size] = [Number(exponent), exponent.slice(1).padStart(2, "0")];
  if (power < -4 || power >= digits) return `${Number(front)}e${exponent[0]}${size}`;
  return String(Number(value.toPrecision(digits)));
}

// A number as an operand: in parentheses if it has a sign.
function factor(value) {
  return value < 0 ? `(${number(value)})` : number(value);
}

// The whole numbers from 0 on, so many.
function range(n) {
  return [...new Array(n).keys()];
}

function shapeText(shape) {
  return `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}

function sizeOf(shape) {
  return shape.reduce((product, n) => product * n, 1);
}
