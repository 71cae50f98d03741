/// <reference path="tape.js" />
// The page's computation once more: forward and backward anew when one changes a number.
//
// What the page computes of the numbers as they are must be what the engine computed; else it says that it cannot.

class Live {
  constructor(data) {
    this.data = data;
    this.given = data.values.map(({ value, weights }) => ({ value, weights })); // arrays that the engine computed
    this.steps = structuredClone(data.steps);
    this.count = data.arrays.length;
    this.changed = new Map(); // value -> its numbers
    this.edits = []; // [value, index] of what differs from the engine's, each once
    this.hindrance = this.findHindrance();
  }

  // Why the page cannot compute anew; "" where it can.
  findHindrance() {
    const { values, arrays } = this.data;
    if (!this.data.live) return "there are too many numbers";
    for (const value of values) {
      if (!elementsOf(arrays[value.value] ?? {})) return `it does not know all of ${value.name}`;
      const byValue = /^(max|min|sort|topk|median|kthvalue)\(/.test(value.partOf ? `${value.partOf}(` : value.formula);
      if (byValue && !OPS[value.op]) return `${value.name} = ${value.formula} picks by value, which may change`;
    }
    if (this.steps.some((step) => step.changed)) return "a hook changes the gradients";
    try {
      const { nodes, tape, uses } = this.computed();
      const wrong = values.find((value, i) => !isClose(nodes[i].numbers, elementsOf(arrays[value.value])));
      if (wrong) return `of ${wrong.name} it finds other numbers than the engine`;
      tape.backward();
      const isOdd = (step, { position, array }) =>
        !isClose(uses[step.value][position].grad, elementsOf(arrays[array]) ?? []);
      const odd = this.steps.find((step) => step.terms.some((term) => isOdd(step, term)));
      return odd ? `of gradients through ${values[odd.value].name} it finds others than the engine` : "";
    } catch (error) {
      return error.message;
    }
  }

  // Forward: a node for each value, and one for each use of a value, whose gradient is the term of that use.
  computed() {
    const { values, arrays } = this.data;
    const [tape, nodes, uses] = [new Tape(), [], []];
    const given = (i) => Float64Array.from(this.changed.get(i) ?? this.before(i));
    values.forEach((value, i) => {
      uses[i] = value.operands.map((part) => {
        const x = operand(tape, nodes, part);
        return x && tape.reshaped(x, x.shape);
      });
      const isMade = value.kind === "result";
      nodes[i] = isMade ? nodeOf(tape, value, uses[i]) : tape.node(value.shape, given(i));
    });
    for (const step of this.steps.filter((step) => step.starts)) {
      elementsOf(arrays[step.upstream]).forEach((g, k) => (nodes[step.value].grad[k] += g));
    }
    return { tape, nodes, uses };
  }

  // The numbers of a value as the engine computed them.
  before(i) {
    return elementsOf(this.data.arrays[this.given[i].value]);
  }

  // Set an element of a value, and with it all that follows.
  set(value, index, to) {
    const before = this.before(value);
    const numbers = this.changed.get(value) ?? Float64Array.from(before);
    numbers[index] = to;
    this.changed.set(value, numbers);
    this.edits = this.edits.filter(([v, k]) => v !== value || k !== index);
    if (to !== before[index]) this.edits.push([value, index]);
    this.update();
  }

  undo() {
    this.changed.clear();
    this.edits = [];
    this.update();
  }

  // Put the arrays of the computation as it is now in the places of the engine's.
  update() {
    const { data } = this;
    data.arrays.length = this.count;
    data.values.forEach((value, i) => Object.assign(value, this.given[i]));
    data.steps = structuredClone(this.steps);
    data.edited = this.edits.length > 0;
    if (!data.edited) return;
    const { tape, nodes, uses } = this.computed();
    tape.backward();
    const add = (numbers, { shape, dtype }) => {
      const rounded = dtype === "float32" ? Float32Array.from(numbers) : numbers;
      return data.arrays.push(arrayOf(rounded, shape, dtype)) - 1;
    };
    data.values.forEach((value, i) => {
      const follows = value.kind === "result" || this.changed.has(i);
      if (follows) value.value = add(nodes[i].numbers, value);
      const weights = value.op === "attention_weights" ? nodes[i] : nodes[i].weights;
      if (weights) value.weights = add(weights.numbers, { shape: weights.shape, dtype: value.dtype });
    });
    const sums = new Map(); // value -> its gradient so far, and the number of that as an array
    for (const step of data.steps) {
      step.upstream = add(nodes[step.value].grad, data.values[step.value]);
      for (const term of step.terms) {
        const { grad } = uses[step.value][term.position];
        const [before, to] = [sums.get(term.to), data.values[term.to]];
        const sum = grad.map((g, k) => g + (before?.sum[k] ?? 0));
        [term.array, term.after] = [grad, sum].map((numbers) => add(numbers, to));
        term.before = before?.after;
        sums.set(term.to, { sum, after: term.after });
      }
    }
  }

  // What is said of a value as it is computed: after a change its formula with the numbers, not element by element.
  forward(i) {
    const value = this.data.values[i];
    return this.data.edited ? { ...value, filled: value.filled && filled(this.data, i), sums: [] } : value;
  }

  // The same of a term of a step: see `TermText`.
  term(term) {
    const { arrays, edited, values } = this.data;
    if (!edited) return term;
    const [before, more, sum] = [term.before, term.array, term.after].map((k) => arrays[k]);
    const added = before && sizeOf(sum.shape) <= 8 ? `${before.text} + ${more.text} = ` : "";
    return {
      ...term,
      derivative: term.derivative.includes(" = ") ? term.derivative : "",
      local: "",
      slopes: [],
      result: more.text,
      lines: [],
      total: term.of > 1 && `${values[term.to].gradient} = ${added}${sum.text}`,
    };
  }

  // What has been changed, and what came of it: a list of sentences.
  said() {
    const { data } = this;
    const result = data.values[data.result];
    const [before, after] = [data.arrays[this.given[data.result].value], data.arrays[result.value]];
    const cost = `so ${result.name} is ${instead(after, before)}.`;
    if (this.edits.length > 1) return [`${this.edits.length} numbers are changed, ${cost}`];
    const [value, index] = this.edits[0];
    const [from, to] = [this.before(value)[index], this.changed.get(value)[index]];
    const { name, shape, gradient } = data.values[value];
    const told = `${name}${placeText(shape, index)} is ${apart(to, from)}, ${cost}`;
    const last = this.steps.flatMap((step) => step.terms).findLast((term) => term.to === value);
    if (!last || sizeOf(before.shape) > 1) return [told];
    const slope = elementsOf(data.arrays[last.after])[index];
    const change = elementsOf(after)[0] - elementsOf(before)[0];
    const product = `${factor(slope)} · ${factor(to - from)} = ${number(slope * (to - from))}`;
    const foretold = `The gradient foretold ${gradient}${placeText(shape, index)} · change = ${product}`;
    const when =
      "the smaller the change, the closer, unless the slope jumps here or leaves out a constant that follows";
    return [told, `${result.name} changed by ${number(change)}. ${foretold}; ${when}.`];
  }
}

// The formula of the value i with the numbers of its inputs for their names.
function filled({ values, arrays }, i) {
  const { formula, inputs } = values[i];
  const texts = new Map();
  for (const input of inputs.map((k) => values[k]).filter(Boolean)) {
    const array = arrays[input.value];
    texts.set(input.name, array.shape.length ? array.text : factor(elementsOf(array)[0]));
  }
  const names = [...texts.keys()].sort((a, b) => b.length - a.length);
  const escaped = names.map((name) => name.replace(/[^\w]/g, "\\$&")).join("|");
  return formula
    .replace(new RegExp(`(?<![\\w.#])(${escaped})(?![\\w.([=])`, "g"), (name) => texts.get(name))
    .replace(/(?<=[(,] ?)\((-[\d.e+-]+)\)(?=[,)])/g, "$1"); // a number alone needs no parentheses
}

// A number and the one before it, with as many digits as tell them apart.
function apart(now, before) {
  let digits = 4;
  while (digits < 17 && number(now, digits) === number(before, digits)) digits += 1;
  return `${number(now, digits)} instead of ${number(before, digits)}`;
}

// The same of two arrays.
function instead(now, before) {
  if (now.text !== before.text || sizeOf(now.shape) > 1) return `${now.text} instead of ${before.text}`;
  return apart(elementsOf(now)[0], elementsOf(before)[0]);
}

// Whether numbers are the engine's but for rounding.
function isClose(found, wanted) {
  const allowed = 1e-6 + (wanted instanceof Float64Array ? 1e-9 : 1e-4) * largest(wanted);
  return (
    found.length === wanted.length &&
    found.every((x, i) => Object.is(x, wanted[i]) || Math.abs(x - wanted[i]) <= allowed)
  );
}
