/// <reference path="arrays.js" />
/// <reference path="elements.js" />
// Arrays as one sees them: numbers on a tint, which one may change, and pictures of large arrays.

// The colour of a number: blue above 0, orange below. most: the largest size of a number.
function tint(value, most) {
  if (!Number.isFinite(value)) return "rgb(150 90 160 / 0.75)";
  const share = most > 0 ? Math.min(Math.abs(value) / most, 1) : 0;
  return value < 0 ? `rgb(214 107 31 / ${0.75 * share})` : `rgb(38 122 204 / ${0.75 * share})`;
}

// What the colours of a picture mean. numbers: examples, each with its colour.
function legend(numbers, colour) {
  const swatch = (value) => styled(element("i"), { background: colour(value) });
  const swatches = numbers.map((value) => element("span", {}, swatch(value), number(value)));
  return paragraph("scale", swatches);
}

// The legend of a picture whose largest number has this size.
function scaleOf(most, low) {
  const shares = low < 0 ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const numbers = shares.map((share) => share * most);
  return legend(numbers, (value) => tint(value, most));
}

// All there is to see of an array. side: of the square pictures that its rows are, 0 if they are none.
function arrayView(array, label, side = 0) {
  return [aroundNumbers(array, label, side), numbersOf(array, label)];
}

// What shows the numbers of an array as a whole, if they are many: facts and a picture.
function aroundNumbers(array, label, side) {
  if (isSmall(array)) return [];
  return [summary(array), side && elementsOf(array) ? squares(array, side, label) : pictureOf(array, label)];
}

function isSmall(array) {
  return elementsOf(array) !== null && sizeOf(array.shape) <= 64;
}

function summary(array) {
  const { low, high, mean, odd } = factsOf(array);
  return facts([
    ["shape", `${shapeText(array.shape)}, ${sizeOf(array.shape)} elements`],
    ["range", low !== undefined && `${number(low)} to ${number(high)}`],
    ["mean", mean !== undefined && number(mean)],
    ["nan or inf", odd > 0 && String(odd)],
  ]);
}

// --- pictures -------------------------------------------------------------------------------------------------

// Sets the sides of the square pictures, as of digits, that rows of values are: of inputs that are not negative, as no
// brightness is, and of the parameters that weigh them.
function setSides({ values, arrays }) {
  for (const value of values.filter(({ op }) => op === "linear" || op === "matmul")) {
    const given = value.inputs.slice(0, 2).map((i) => values[i]);
    for (const x of given.filter((one) => one?.kind === "constant" && factsOf(arrays[one.value] ?? {}).low >= 0)) {
      const side = Math.sqrt(x.shape.at(-1) ?? 0);
      const alike = given.filter((one) => one?.shape.at(-1) === side ** 2);
      if (Number.isInteger(side) && side >= 8) alike.forEach((one) => (one.side = side));
    }
  }
}

// The first rows of an array, each as the square picture that it is.
function squares(array, side, label) {
  const numbers = elementsOf(array);
  const [count, most] = [numbers.length / side ** 2, largest(numbers)];
  const made = range(Math.min(count, 16)).map((i) => {
    const row = numbers.subarray(i * side ** 2, (i + 1) * side ** 2);
    const picture = painted(row, side, side, most, `${label}, row ${i}, as ${side} by ${side}`, count > 1 ? 2 : 6);
    return element("figure", {}, picture, element("figcaption", {}, count > 1 && String(i)));
  });
  const more = count > 16 ? `, the first 16 of ${count}` : "";
  const told = `Each row as a picture of ${side} by ${side}${more}; blue is above 0, orange below.`;
  return [hint(told), element("div", { class: "pictures" }, made), scaleOf(most, factsOf(array).low)];
}

// A picture of an array: its elements, or means over parts of it.
function pictureOf(array, label) {
  const columns = array.shape.at(-1) ?? 1;
  const whole = [sizeOf(array.shape) / columns, columns];
  const shape = array.pictureShape ?? whole;
  const numbers = elementsOf(array) ?? decode(array.picture, 4);
  const { low, high } = factsOf(array);
  const most = low === undefined ? largest(numbers) : Math.max(-low, high);
  const [tall, wide] = whole.map((n, axis) => Math.ceil(n / shape[axis]));
  return [
    painted(numbers, shape[0], shape[1], most, `Picture of ${label}: blue above 0, orange below`),
    scaleOf(most, low ?? 0),
    tall * wide > 1 && hint(`Each square is the mean of ${tall}×${wide} numbers.`),
  ];
}

// most: the size of the largest number of the array. size: of a square of the picture, in pixels; by default what fits.
function painted(numbers, rows, columns, most, label, size = 0) {
  const side = size || Math.max(1, Math.min(Math.floor(320 / columns), Math.floor(240 / rows), 12));
  const canvas = element("canvas", { width: columns * side, height: rows * side, role: "img", "aria-label": label });
  const pen = canvas.getContext("2d");
  for (let i = 0; pen && i < rows * columns; i += 1) {
    pen.fillStyle = tint(numbers[i], most);
    pen.fillRect((i % columns) * side, Math.floor(i / columns) * side, side, side);
  }
  return canvas;
}

// --- numbers --------------------------------------------------------------------------------------------------

// The numbers of an array, of a large one in a window, which moves if the page holds it whole. edit: called for an element
// that one changes, with its index and the number, where one may.
function numbersOf(array, label, edit) {
  const { shape } = array;
  if (!sizeOf(shape)) return hint(`no elements, shape ${shapeText(shape)}`);
  const whole = elementsOf(array)?.slice(); // they change as one edits them
  const numbers = whole ?? decode(array.corner, 4);
  const stride = whole ? (shape.at(-1) ?? 1) : array.cornerShape[1];
  const rows = numbers.length / stride;
  const part = { array, numbers, stride, edit };
  if (isSmall(array)) return cells({ ...part, label, top: 0, left: 0, rows, columns: stride });
  const size = { rows: Math.min(rows, 6), columns: Math.min(stride, 6) };
  const place = element("div");
  const draw = () => {
    const [top, left] = [row, column].map(({ value, max }) => Math.min(Math.max(Math.trunc(value) || 0, 0), max));
    fill(place, cells({ ...part, label: `${label}, a part`, top, left, ...size }));
  };
  const input = (name, max) =>
    element("input", { type: "number", min: 0, max, value: 0, "aria-label": name, input: draw });
  const [row, column] = [input("first row", rows - size.rows), input("first column", stride - size.columns)];
  draw();
  const note = whole ? "" : " (the page has the first ones of this array)";
  const head = element("summary", {}, "Numbers");
  return element("details", { open: Boolean(edit) }, head, hint("from row ", row, " and column ", column, note), place);
}

// A table of numbers, each on its tint: so many rows and columns of an array, from the row `top` and the column `left`.
// stride: numbers in a row of the array.
function cells({ array, numbers, stride, edit, label, top, left, rows, columns }) {
  const made = new Map(); // cell -> the index of its number
  const paint = () => {
    const most = largest(numbers);
    for (const [one, index] of made) styled(one, { background: tint(numbers[index], most) });
  };
  const cell = (r, c) => {
    const index = (top + r) * stride + left + c;
    const change = (to) => {
      numbers[index] = to;
      paint();
      edit(index, to);
    };
    const [value, may] = [numbers[index], edit && Number.isFinite(numbers[index])];
    const one = td(may ? field(`${label}${placeText(array.shape, index)}`, value, change) : elementText(array, value));
    made.set(one, index);
    return one;
  };
  const attributes = { "aria-label": label };
  const rowNames = range(rows).map((r) => indexText(array.shape.slice(0, -1), top + r));
  const columnNames = range(columns).map((c) => String(left + c));
  const single = () => element("table", attributes, tr(cell(0, 0)));
  const shown = rows * columns === 1 ? single() : grid(rowNames, columnNames, cell, attributes);
  paint();
  return scroller(label, shown);
}

// A table with names of its rows and columns. cell: the cell in a row and column.
function grid(rows, columns, cell, attributes, ...before) {
  const body = rows.map((name, r) => {
    const inRow = columns.map((_, c) => cell(r, c));
    return tr(rowHead(name), inRow);
  });
  return element("table", attributes, before, tableHead(columns), element("tbody", {}, body));
}

function scroller(label, ...children) {
  return element("div", { class: "cells", tabindex: 0, role: "group", "aria-label": label }, children);
}

// A number that one changes, by typing, with arrow keys (by the browser) or by dragging to the side.
function field(label, value, edit) {
  const step = Number((10 ** Math.floor(Math.log10(Math.abs(value) || 1) - 1)).toPrecision(1));
  let [held, taken] = [null, value]; // where a drag began; the number that the page computes with
  const take = () => {
    const typed = made.value === "" ? NaN : Number(made.value);
    if (!Number.isFinite(typed)) return;
    taken = typed;
    edit(typed);
  };
  const release = () => (held = null);
  const listeners = {
    input: take,
    change: () => (made.value = number(taken, 6)), // what is no number gives way to it
    pointerdown(event) {
      held = { x: event.clientX, from: Number(made.value) };
      made.setPointerCapture(event.pointerId);
    },
    pointermove(event) {
      const moved = held ? Math.trunc((event.clientX - held.x) / 4) : 0;
      if (!held || (!moved && !held.moved)) return;
      held.moved = true;
      made.value = number(held.from + moved * step, 6);
      take();
    },
    pointerup: release,
    pointercancel: release,
  };
  const attributes = { type: "number", class: "field", step, value: number(value), "aria-label": label };
  const made = element("input", { ...attributes, ...listeners });
  return made;
}
