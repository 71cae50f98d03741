/// <reference path="tape.js" />
// Formulas with the numbers after a change. What names the formulas and elements is the engine's text; the numbers are
// those of the values as they are now, and of how each op's results change with its inputs.

const OLD = "With the numbers before the change:";
const ONE = "one element of it: "; // what the engine's line of the only element that it shows begins with
const PRODUCTS = ["mul", "matmul", "linear"];
const WEIGHTED = { matmul: 0, linear: 0, attention: 2, sum: 0, mean: 0 }; // ops that make a sum of this input's elements
const MOST_WORK = 4e6; // elements to go through for the derivatives of one op

class Worked {
  constructor(live) {
    this.live = live;
    this.data = live.data;
  }

  // How each element of a value changes with each of its inputs': [element][input][element]; none if there are too many.
  slopesOf(i) {
    const { nodes, uses } = this.live.now;
    if (nodes[i].slopes) return nodes[i].slopes;
    const tape = new Tape();
    const inputs = uses[i].map((x) => x && tape.node(x.shape, x.numbers));
    const made = nodeOf(tape, this.data.values[i], inputs);
    const work = made.grad.length * tape.nodes.reduce((sum, { grad }) => sum + grad.length, 0);
    const elements = work < MOST_WORK ? [...made.grad.keys()] : [];
    return (nodes[i].slopes = elements.map((k) => {
      tape.nodes.forEach(({ grad }) => grad.fill(0));
      made.grad[k] = 1;
      tape.backward();
      return inputs.map((x) => x?.grad.slice());
    }));
  }

  // A formula of a value with numbers for names. text: of the input at a position, of the value itself without one.
  filled(formula, i, text) {
    const value = this.data.values[i];
    const positions = new Map(value.inputs.map((k, position) => [this.data.values[k]?.name, position]));
    positions.set(value.name, undefined);
    const names = [...positions.keys()].filter(Boolean).sort((a, b) => b.length - a.length);
    const escaped = names.map((name) => name.replace(/[^\w]/g, "\\$&")).join("|");
    return formula
      .replace(new RegExp(`(?<![\\w.#])(${escaped})(?![\\w.([=])`, "g"), (name) => text(positions.get(name)))
      .replace(/(?<=[(,] ?)\((-[\d.e+-]+)\)(?=[,)])/g, "$1")
      .replace(/(?<=\()-\(-([\d.e+-]+)\)/g, "$1");
  }

  // The text of an element of an input, or of the value itself, where the op takes elements one by one; else undefined.
  elements(i, k) {
    const [made, uses] = [this.live.now.nodes[i], this.live.now.uses[i]];
    if (!made.inputs?.every((x) => uses.includes(x))) return undefined;
    return (position) => {
      if (position === undefined) return factor(made.numbers[k]);
      const x = uses[position];
      const found = x.numbers[made.places[made.inputs.indexOf(x)][k]];
      const { dtype } = this.data.values[this.data.values[i].inputs[position]] ?? {};
      return dtype === "bool" ? elementText({ dtype }, found) : factor(found);
    };
  }

  // What is said of a value as it is computed: its formula with arrays for names, the op's definition, its elements.
  forward(i) {
    const value = this.data.values[i];
    if (!this.data.edited) return value;
    const whole = (position) => {
      const array = this.data.arrays[this.data.values[position === undefined ? i : value.inputs[position]].value];
      return array.shape.length ? array.text : factor(elementsOf(array)[0]);
    };
    return {
      ...value,
      filled: value.filled && this.filled(value.formula, i, whole),
      sums: anew(value.sums, (label, line) => this.element(i, indexIn(label, value.shape), line)),
    };
  }

  // The arithmetic of an element of a value, and what it comes to; undefined where the page does not know it. line: the
  // engine's.
  element(i, k, line) {
    if (Number.isNaN(k)) return undefined;
    const [value, { nodes, uses }] = [this.data.values[i], this.live.now];
    const [found, text] = [number(nodes[i].numbers[k]), this.elements(i, k)];
    if (text) {
      const filled = [value.formula, value.definition].map((formula) => formula && this.filled(formula, i, text));
      return equation(...new Set([...filled, found]));
    }
    if (value.places) return `${partsOf(line)[1]} = ${found}`;
    const weighed = WEIGHTED[value.op];
    const slopes = weighed === undefined ? undefined : this.slopesOf(i)[k];
    if (!slopes) return undefined;
    const terms = (position) => {
      const numbers = [...(uses[i][position]?.numbers ?? [])];
      return numbers.map((x, at) => [x, slopes[position][at]]).filter(([, slope]) => slope !== 0);
    };
    const alone = (position) => terms(position).map(([x]) => [x]);
    const isSum = value.op === "sum" || value.op === "mean";
    const products = isSum ? alone(0) : [...terms(weighed), ...(value.op === "linear" ? alone(2) : [])];
    return `${value.op === "mean" ? `(${sumText(products)}) / ${products.length}` : sumText(products)} = ${found}`;
  }

  // What is said of a term of a step: see `TermText`.
  term(event, term) {
    if (!this.data.edited) return term;
    const rows = this.slopesOf(event.value).map((row) => row[term.position]);
    const { shape } = this.data.arrays[term.array];
    const local = this.local(event.value, rows, term);
    return {
      ...term,
      derivative: local || partsOf(term.derivative).length > 1 ? term.derivative : "",
      local,
      slopes: anew(term.slopes, (label) => this.slope(event.value, rows, label, term)),
      result: this.result(event, term),
      lines: anew(term.lines, (label) => this.product(event, term, indexIn(label, shape))),
      total: term.total && this.total(term),
    };
  }

  // What a term comes to, if no lines follow: for a single number with the product of two.
  result(event, term) {
    if (!term.result) return "";
    return partsOf(term.result).length > 1 ? this.product(event, term, 0) : this.data.arrays[term.array].text;
  }

  // An element of a term: what came times the derivative of the step, over all ways; undefined where it is not known.
  product(event, term, place) {
    const { arrays, values } = this.data;
    const [came, found] = [elementsOf(arrays[event.upstream]), arrays[term.array]];
    const slopes = this.slopesOf(event.value).map((row) => row[term.position][place]);
    if (slopes[0] === undefined) return undefined;
    const own = sizeOf(found.shape) === slopes.length ? place : -1; // of an op that takes elements one by one
    const ways = [...slopes.keys()].filter((k) => slopes[k] !== 0 || k === own);
    const isFactor = PRODUCTS.includes(values[event.value].op) && term.position < 2;
    const added = ways.length > 1 && !isFactor && ways.every((k) => slopes[k] === 1);
    const sum = sumText(ways.map((k) => (added ? [came[k]] : [came[k], slopes[k]])));
    return `${sum} = ${number(found.numbers[place], found.digits)}`;
  }

  // The gradient of what a term goes to, with the term: "dC/dz = 1 + 6 = 7".
  total(term) {
    const [name] = partsOf(term.total);
    const [before, more, sum] = [term.before, term.array, term.after].map((k) => this.data.arrays[k]);
    const at = name.startsWith(ONE) || sum.numbers.length === 1 ? indexIn(name, sum.shape) : NaN;
    const text = (array, written) => (Number.isNaN(at) ? array.text : written(array.numbers[at]));
    const note = / {2}\S.*$/.exec(term.total)?.[0] ?? "";
    return `${name} = ${before ? `${text(before, factor)} + ${text(more, factor)} = ${text(sum, number)}` : sum.text}${note}`;
  }

  // The numbers of the derivative of a step alone. rows: how each element of its value changes with each of the input's.
  local(i, rows, term) {
    const value = this.data.values[i];
    const [label, formula] = partsOf(term.derivative);
    if (label.endsWith("]") && label.includes("/") && PRODUCTS.includes(value.op))
      return this.slope(i, rows, label, term) ?? "";
    if (!term.derivative || !rows.length) return "";
    const local = Float64Array.from(rows.length === 1 ? rows[0] : rows.map((row) => row.reduce((a, b) => a + b)));
    const shape = rows.length === 1 ? this.data.arrays[term.array].shape : value.shape;
    const text = local.length === 1 && partsOf(term.local).length > 1 && this.elements(i, 0);
    return equation(
      text && this.filled(formula, i, text),
      local.every((x) => x === 1) ? "1" : arrayOf(local, shape, value.dtype).text,
    );
  }

  // The derivative of one element by one, "∂h[0]/∂z[0]": with numbers for the names in its formula, and what it is.
  slope(i, rows, label, term) {
    const above = indexIn(`${label.split("]/")[0]}]`, this.data.values[i].shape);
    const below = indexIn(label, this.data.arrays[term.array].shape);
    const [formula, text] = [partsOf(term.derivative)[1], this.elements(i, above)];
    const [found, worked] = [rows[above]?.[below], formula && text ? `${this.filled(formula, i, text)} = ` : ""];
    return found === undefined ? undefined : `${worked}${number(found)}`;
  }
}

// Lines with what a function makes of their labels; the lines as they were, and that they are old, where it knows none.
function anew(lines, made) {
  const labels = lines.map((line) => partsOf(line)[0]);
  const found = labels.map((label, i) => made(label, lines[i]));
  return found.includes(undefined) ? [OLD, ...lines] : labels.map((label, i) => `${label} = ${found[i]}`);
}

// The index of the element that a label names at its end, as "dC/dW[0, 1]"; NaN if it names none of the shape.
function indexIn(label, shape) {
  if (sizeOf(shape) === 1) return 0;
  const places = /\[([\d, ]+)\]$/.exec(label)?.[1].split(", ").map(Number) ?? [];
  return places.length === shape.length ? places.reduce((at, i, axis) => at * shape[axis] + i, 0) : NaN;
}

// A sum of products: each term if they are few, else the largest, as expression.py writes it.
function sumText(terms) {
  const size = (factors) => Math.abs(factors.reduce((a, b) => a * b));
  const bySize = terms.toSorted((a, b) => size(b) - size(a));
  const shown = new Set(terms.length > 5 ? bySize.slice(0, 4) : terms);
  const more = terms.length > 5 ? [`... ${terms.length - 4} more`] : [];
  const products = terms.filter((factors) => shown.has(factors)).map((factors) => factors.map(factor).join(" · "));
  return [...products, ...more].join(" + ") || "0";
}

// The parts of an equation; that of "where s = sigmoid(z)" is no sign between two of them.
function partsOf(text) {
  return text.split(/(?<!, where \w+) = /);
}

function equation(...parts) {
  return parts.filter((part) => part).join(" = ");
}
