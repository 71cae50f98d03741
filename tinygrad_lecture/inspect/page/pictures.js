/// <reference path="arrays.js" />
/// <reference path="elements.js" />
// Arrays as one sees them: numbers on a tint, which one may change, pictures of large arrays, attention maps.

// The colour of a number: blue above 0, orange below. most: the largest size of a number.
function tint(value, most) {
  if (!Number.isFinite(value)) return "rgb(150 90 160 / 0.75)";
  const share = most > 0 ? Math.min(Math.abs(value) / most, 1) : 0;
  return value < 0 ? `rgb(214 107 31 / ${0.75 * share})` : `rgb(38 122 204 / ${0.75 * share})`;
}

// What the colours of a picture mean. numbers: examples, each with its colour.
function legend(numbers, colour) {
  const swatches = numbers.map((value) => element("span", {}, coloured(element("i"), colour(value)), number(value)));
  return paragraph("scale", ...swatches);
}

function coloured(part, colour) {
  part.style.background = colour;
  return part;
}

// The legend of a picture whose largest number has this size.
function scaleOf(most, low) {
  const shares = low < 0 ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  return legend(
    shares.map((share) => share * most),
    (value) => tint(value, most),
  );
}

// All there is to see of an array. side: of the square pictures that its rows are, 0 if they are none.
function arrayView(array, label, side = 0) {
  return [...aroundNumbers(array, label, side), numbersOf(array, label)];
}

// What shows the numbers of an array as a whole: a histogram and, if they are many, facts and a picture.
function aroundNumbers(array, label, side) {
  if (isSmall(array)) return histogram(array);
  return [
    facts(array),
    ...histogram(array),
    side && elementsOf(array) ? squares(array, side, label) : pictureOf(array, label),
  ];
}

// The numbers of an array, of a large one in a window. edit: called for an element that one changes, with its index and
// the number, where one may.
function numbersOf(array, label, edit) {
  const { shape } = array;
  if (!sizeOf(shape)) return paragraph("hint", `no elements, shape ${shapeText(shape)}`);
  const numbers = elementsOf(array)?.slice(); // that change as one edits them
  const columns = shape.at(-1) ?? 1;
  if (!isSmall(array)) return window_(array, numbers, label, edit);
  return cells(array, numbers, label, 0, 0, numbers.length / columns, columns, columns, edit);
}

function isSmall(array) {
  return elementsOf(array) !== null && sizeOf(array.shape) <= 64;
}

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
  const made = Array.from({ length: Math.min(count, 16) }, (_, i) => {
    const row = numbers.subarray(i * side ** 2, (i + 1) * side ** 2);
    const picture = painted(row, side, side, most, `${label}, row ${i}, as ${side} by ${side}`, count > 1 ? 2 : 6);
    return element("figure", {}, picture, element("figcaption", {}, count > 1 ? String(i) : ""));
  });
  const more = count > 16 ? `, the first 16 of ${count}` : "";
  const hint = `Each row as a picture of ${side} by ${side}${more}; blue is above 0, orange below.`;
  return element(
    "div",
    {},
    paragraph("hint", hint),
    element("div", { class: "pictures" }, ...made),
    scaleOf(most, factsOf(array).low),
  );
}

function facts(array) {
  const { low, high, mean, sd, odd } = factsOf(array);
  const list = element("dl", { class: "facts" });
  const add = (name, text) => list.append(element("dt", {}, name), element("dd", {}, text));
  add("shape", `${shapeText(array.shape)}, ${sizeOf(array.shape)} elements`);
  if (low !== undefined) add("range", `${number(low, array.digits)} to ${number(high, array.digits)}`);
  if (mean !== undefined) add("mean", `${number(mean, array.digits)}, spread ${number(sd)}`);
  if (odd) add("nan or inf", String(odd));
  return list;
}

function histogram(array) {
  const { counts, low, high } = factsOf(array);
  if (!counts) return [];
  const most = Math.max(...counts);
  const label = `Histogram from ${number(low)} to ${number(high)}; the largest bar has ${most} elements`;
  const bars = element("div", { class: "bars", role: "img", "aria-label": label }, ...counts.map(() => element("i")));
  counts.forEach((n, k) => (bars.children[k].style.height = `${(100 * n) / most}%`));
  return [
    bars,
    element(
      "div",
      { class: "ends", "aria-hidden": "true" },
      element("span", {}, number(low)),
      element("span", {}, number(high)),
    ),
  ];
}

// A table with names of its rows and columns, within what scrolls. cell: the cell in a row and column.
function grid(rows, columns, cell, attributes, ...before) {
  const head = element("tr", {}, element("td"), ...columns.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((name, r) =>
    element("tr", {}, element("th", { scope: "row" }, name), ...columns.map((_, c) => cell(r, c))),
  );
  return element("table", attributes, ...before, element("thead", {}, head), element("tbody", {}, ...body));
}

function scroller(label, ...children) {
  return element("div", { class: "cells", tabindex: 0, role: "group", "aria-label": label }, ...children);
}

// A table of numbers, each on its tint. top: the first row, as `left` the first column. stride: numbers in a row.
// edit: that of `numbersOf`.
function cells(array, numbers, label, top, left, rows, columns, stride, edit) {
  const made = new Map(); // cell -> the index of its number
  const paint = () => {
    const most = largest(numbers);
    for (const [one, index] of made) coloured(one, tint(numbers[index], most));
  };
  const cell = (r, c) => {
    const index = (top + r) * stride + left + c;
    const change = (to) => {
      numbers[index] = to;
      paint();
      edit(index, to);
    };
    const [value, may] = [numbers[index], edit && Number.isFinite(numbers[index])];
    const one = element(
      "td",
      {},
      may ? field(`${label}${placeText(array.shape, index)}`, value, change) : elementText(array, value),
    );
    made.set(one, index);
    return one;
  };
  const attributes = { "aria-label": label };
  const rowNames = Array.from({ length: rows }, (_, r) => indexText(array.shape.slice(0, -1), top + r));
  const shown =
    rows * columns === 1
      ? element("table", attributes, element("tr", {}, cell(0, 0)))
      : grid(
          rowNames,
          Array.from({ length: columns }, (_, c) => String(left + c)),
          cell,
          attributes,
        );
  paint();
  return scroller(label, shown);
}

// A number that one changes, by typing, with arrow keys or by dragging to the side.
function field(label, value, edit) {
  const step = Number((10 ** Math.floor(Math.log10(Math.abs(value) || 1) - 1)).toPrecision(1));
  const made = element("input", {
    type: "number",
    class: "field",
    step: "any",
    value: number(value),
    "aria-label": label,
  });
  let [held, taken] = [null, value]; // where a drag began; the number that the page computes with
  const set = (to) => {
    if (!Number.isFinite(to)) return;
    taken = to;
    edit(to);
  };
  made.addEventListener("input", () => made.value !== "" && set(Number(made.value)));
  made.addEventListener("change", () => (made.value = number(taken, 6))); // what is no number gives way to it
  made.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    made.value = number(Number(made.value) + (event.key === "ArrowUp" ? step : -step), 6);
    set(Number(made.value));
  });
  made.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, from: Number(made.value) };
    made.setPointerCapture(event.pointerId);
  });
  made.addEventListener("pointermove", (event) => {
    const moved = held ? Math.trunc((event.clientX - held.x) / 4) : 0;
    if (!held || (!moved && !held.moved)) return;
    held.moved = true;
    made.value = number(held.from + moved * step, 6);
    set(Number(made.value));
  });
  for (const end of ["pointerup", "pointercancel"]) made.addEventListener(end, () => (held = null));
  return made;
}

// A picture of an array: its elements, or means over parts of it.
function pictureOf(array, label) {
  const all = [sizeOf(array.shape) / (array.shape.at(-1) ?? 1), array.shape.at(-1) ?? 1];
  const shape = array.pictureShape ?? all;
  const numbers = array.picture ? decode(array.picture, 4) : elementsOf(array);
  if (!numbers) return element("span");
  const { low, high } = factsOf(array);
  const most = low === undefined ? largest(numbers) : Math.max(-low, high);
  const picture = element(
    "div",
    {},
    painted(numbers, shape[0], shape[1], most, `Picture of ${label}: blue above 0, orange below`),
  );
  picture.append(scaleOf(most, low ?? 0));
  const [rows, columns] = all.map((n, axis) => Math.ceil(n / shape[axis]));
  if (rows * columns > 1) picture.append(paragraph("hint", `Each square is the mean of ${rows}×${columns} numbers.`));
  return picture;
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

// A window into a large array: a part of its numbers, which moves if the page holds it whole.
function window_(array, whole, label, edit) {
  const numbers = whole ?? decode(array.corner ?? "", 4);
  const stride = whole ? (array.shape.at(-1) ?? 1) : (array.cornerShape?.[1] ?? 1);
  const rows = numbers.length / stride;
  const [high, wide] = [Math.min(rows, 6), Math.min(stride, 6)];
  const part = element("div");
  const input = (name, most) => {
    const made = element("input", { type: "number", min: 0, max: most, value: 0, "aria-label": name });
    made.addEventListener("input", draw);
    return made;
  };
  const [row, column] = [input("first row", rows - high), input("first column", stride - wide)];
  const within = (made) => Math.min(Math.max(Math.trunc(Number(made.value)) || 0, 0), Number(made.max));
  function draw() {
    part.replaceChildren(
      cells(
        array,
        numbers,
        `${label}, a part`,
        within(row),
        within(column),
        high,
        wide,
        stride,
        whole ? edit : undefined,
      ),
    );
  }
  draw();
  const note = whole ? "" : " (the page has the first ones of this array)";
  return element(
    "details",
    { open: Boolean(edit) },
    element("summary", {}, "Numbers"),
    paragraph("hint", "from row ", row, " and column ", column, note),
    part,
  );
}

// Attention weights, a map for each head: rows are queries, columns keys. array: (..., queries, keys). Heads that share
// keys and values may stand below each other, as (..., heads of a group * queries, keys).
function attentionMaps(array, tokens, called) {
  const numbers = elementsOf(array);
  const [rows, keys] = array.shape.slice(-2);
  const queries = rows > keys && rows % keys === 0 ? keys : rows;
  const name = (i) => shownToken(tokens[i] ?? String(i));
  if (!numbers) return [pictureOf(array, "the attention weights")];
  const count = numbers.length / (queries * keys);
  const heads = (array.shape.length > 2 ? (array.shape.at(-3) ?? 1) : 1) * (rows / queries);
  const said = element(
    "p",
    { class: "hint", "aria-live": "off" },
    "Each row is a token that attends, each column one that it attends to.",
  );
  const colour = (weight) => tint(Math.sqrt(weight), 1); // the root, so that small weights show
  const [rowNames, columnNames] = [queries, keys].map((length) => Array.from({ length }, (_, i) => name(i)));
  const long = tokens.some((token) => token.length > 2);
  const maps = Array.from({ length: Math.min(count, 16) }, (_, map) => {
    const headName = called[map % heads] ?? `head ${(map % heads) + 1}`;
    const text = count === heads ? headName : `text ${Math.floor(map / heads) + 1}, ${headName}`;
    const cell = (q, k) => {
      const weight = numbers[(map * queries + q) * keys + k];
      const told = `${name(q)} → ${name(k)}: ${number(weight)}`;
      const made = element("td", { title: told }, element("span", { class: "unseen" }, number(weight)));
      made.addEventListener("pointerenter", () => (said.textContent = `${text}: ${told}`));
      return coloured(made, colour(weight));
    };
    return grid(rowNames, columnNames, cell, { class: long ? "map long" : "map" }, element("caption", {}, text));
  });
  const more = count > 16 ? [paragraph("hint", `The first 16 of ${count} maps.`)] : [];
  const shown = scroller("Attention maps", element("div", { class: "maps" }, ...maps));
  return [element("h3", {}, "Attention weights"), said, shown, legend([0, 0.05, 0.25, 0.5, 1], colour), ...more];
}

// A token with a sign for each sign that one would not see.
function shownToken(token) {
  const signs = { " ": "·", "\n": "↵", "\t": "→" };
  return token.replace(/[\s\p{C}]/gu, (sign) => signs[sign] ?? `U+${sign.codePointAt(0).toString(16)}`) || "∅";
}
