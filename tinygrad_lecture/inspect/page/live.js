/// <reference path="compute.js" />
// The page's computation once more: forward and backward anew when one changes a number, by programs of the engine.
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
    this.hindrance = data.hindrance || this.findHindrance();
  }

  // Why the page cannot compute anew; "" where it can.
  findHindrance() {
    const { values, arrays } = this.data;
    const isOdd = (made, array) => !isClose(made.numbers, elementsOf(arrays[array]));
    try {
      const { found, steps } = this.computed();
      const wrong = values.find(({ value }, i) => isOdd(found[i], value));
      if (wrong) return `of ${wrong.name} it finds other numbers than the engine`;
      const odd = this.steps.find(({ terms }, i) =>
        terms.some(({ array }, k) => isOdd(steps[i].terms[k].array, array)),
      );
      return odd ? `of gradients through ${values[odd.value].name} it finds others than the engine` : "";
    } catch (error) {
      return error.message;
    }
  }

  // The array of each value, and all that its program made; of each step its upstream gradient, and of each of its terms
  // the gradient that it adds to, itself and their sum.
  computed() {
    const { values, arrays } = this.data;
    const constant = (k) => ({ shape: arrays[k].shape, numbers: elementsOf(arrays[k]) });
    const [found, made, sums] = [[], [], new Map()]; // sums: value -> its gradient so far
    values.forEach(({ shape, inputs, program }, i) => {
      made[i] = [...inputs.map((k) => found[k]), null]; // its gradient is not known yet
      if (program) runProgram(program.forward, made[i], constant);
      found[i] = program ? made[i][program.out] : { shape, numbers: this.changed.get(i) ?? this.before(i) };
    });
    const steps = this.steps.map(({ value, starts, upstream, terms }) => {
      const { inputs, program } = values[value];
      const g = (made[value][inputs.length] = starts ? constant(upstream) : sums.get(value));
      runProgram(program.backward, made[value], constant);
      const added = terms.map(({ to, position }) => {
        const [before, array] = [sums.get(to), made[value][program.gradients[position]]];
        sums.set(to, before ? each(EACH.add, array.shape, before, array) : array);
        return { before, array, after: sums.get(to) };
      });
      return { upstream: g, terms: added };
    });
    return { found, made, steps };
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
    const { found, made, steps } = this.computed();
    const add = ({ shape, numbers }, { dtype }) => {
      const rounded = dtype === "float32" ? Float32Array.from(numbers) : numbers;
      return data.arrays.push(arrayOf(rounded, shape, dtype)) - 1;
    };
    data.values.forEach((value, i) => {
      const { program } = value;
      if (program || this.changed.has(i)) value.value = add(found[i], value);
      if (program?.weights) value.weights = add(made[i][program.weights], value);
    });
    data.steps.forEach((step, i) => {
      step.upstream = add(steps[i].upstream, data.values[step.value]);
      step.terms.forEach((term, k) => {
        const to = data.values[term.to];
        for (const [part, array] of Object.entries(steps[i].terms[k])) term[part] = array && add(array, to);
      });
    });
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
