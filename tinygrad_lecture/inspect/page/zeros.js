/// <reference path="worked.js" />
// Zero gradients: how many there are, and why.

// How many elements of a term are zero, and why; "" if none are, or no array is there to tell.
function zeroText(data, event, term) {
  const numbers = elementsOf(data.arrays[term.array]);
  const zeros = numbers?.reduce((count, x) => count + (x === 0), 0);
  if (!zeros) return "";
  const why = whyZero(data, event, term);
  const some = zeros === numbers.length ? `All ${zeros}` : `${zeros} of ${numbers.length}`;
  const told = numbers.length === 1 ? "This gradient is zero" : `${some} elements are zero`;
  return `${told}${why ? `: ${why}` : ""}.`;
}

function whyZero({ arrays, values }, event, term) {
  const [value, to] = [values[event.value], values[term.to]];
  const has = (array, holds = (x) => x === 0) => array !== undefined && elementsOf(array)?.some(holds);
  const came = `what came, ${value.gradient}, is zero there`;
  if (isZero(arrays[event.upstream])) return came;
  const factor = PRODUCTS.includes(value.op) && term.position < 2 ? values[value.inputs[1 - term.position]] : undefined;
  if (has(arrays[factor?.value])) return `${factor.name}, which it is multiplied by, is zero there`;
  const [holds, why] = WHY_ZERO[value.op] ?? [];
  if (why && has(arrays[to.value], holds)) return why(to.name);
  return has(arrays[event.upstream]) ? came : "";
}

// Why an op gives some elements no gradient: for which elements of its input, and in words about the input.
const saturated = (name) => `the slope is so small there that it rounds to 0, as ${name} is far from 0`;
const WHY_ZERO = {
  relu: [(x) => x <= 0, (name) => `relu is flat where ${name} is not above 0, so nothing passes there`],
  sigmoid: [(x) => Math.abs(x) > 15, saturated],
  tanh: [(x) => Math.abs(x) > 8, saturated],
  amax: [() => true, (name) => `only the largest of ${name} passes it on`],
  maximum: [() => true, () => "only the larger of the two passes it on"],
  index_get: [() => true, (name) => `these elements of ${name} were not picked`],
  where: [() => true, () => "there the other one was taken"],
};

const isZero = (array) =>
  array !== undefined && factsOf(array).low === 0 && factsOf(array).high === 0 && !factsOf(array).odd;
