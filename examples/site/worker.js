/// <reference path="network.js" />
// Training in a worker, so that the page never waits: it is told what to do, and tells how far it is.

let [training, tests, run] = [null, null, 0]; // run: the number of the training, so that the page knows late news

// The share of the test examples that these outputs answer right.
function shareRight(outputs) {
  const width = outputs.length / tests.labels.length;
  const answer = (row) => (width === 1 ? Number(row[0] > 0.5) : indexOfLargest(row));
  const right = tests.labels.filter((label, i) => answer(outputs.subarray(i * width, (i + 1) * width)) === label);
  return right.length / tests.labels.length;
}

// The farthest that an output goes from one test example to another.
function reachOf(outputs) {
  const width = outputs.length / tests.labels.length;
  const columns = Array.from({ length: width }, (_, k) => columnOf(outputs, width, k));
  return Math.max(...columns.map((column) => Math.max(...column) - Math.min(...column)));
}

function tell(costs, gradients) {
  const { network, steps } = training;
  const outputs = network.answer(...tests.inputs).at(-1);
  const right = shareRight(outputs);
  const same = right < 1 && reachOf(outputs) < 0.01;
  const diverged = !costs.every(Number.isFinite);
  const saturated = right < 1 && outputs.every((a) => a * (1 - a) < 1e-5); // the slopes of sigmoids
  const told = { number: run, steps, layers: network.layers, costs, gradients, right, same, diverged, saturated };
  postMessage(told);
}

const TOLD = {
  begin({ network, examples, test, settings, seed, number }) {
    [tests, run] = [test, number];
    training = new Training(new Network(network.layers), examples, settings, randomNumbers(seed));
  },
  set(settings) {
    Object.assign(training, settings);
  },
  add({ input, wanted }) {
    training.examples.inputs.push(input);
    training.examples.wanted.push(wanted);
  },
  // Steps for so many milliseconds, at least one. The page asks again when it has drawn what came of them.
  run({ time, gradients }) {
    const [costs, began] = [[], performance.now()];
    do costs.push(training.step());
    while (performance.now() - began < time && costs.every(Number.isFinite));
    tell(costs, gradients && training.gradients);
  },
};

onmessage = ({ data }) => TOLD[data.tell](data);
