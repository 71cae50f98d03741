/// <reference path="paper.js" />
/// <reference path="circles.js" />
/// <reference path="session.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Draw a digit: the lecture's network answers while one draws, says why, and can be trained anew.

const data = JSON.parse(byId("data").textContent);
const [SIDE, PIXELS] = [28, 784];
const oneHot = (digit) => Float64Array.from({ length: 10 }, (_, k) => Number(k === digit));

function examplesOf({ images, labels }) {
  const [bytes, digits] = [decode(images, 1), [...decode(labels, 1)]];
  const picture = (_, i) => Float64Array.from(bytes.subarray(PIXELS * i, PIXELS * (i + 1)), (ink) => ink / 255);
  return { inputs: digits.map(picture), labels: digits };
}

const [train, test] = [data.train, data.test].map(examplesOf);
const trained = Network.of(data.layers);

const ANSWER = { layer: 2, neuron: undefined }; // the output that is the answer
let chosen = ANSWER; // the circle whose weights are shown
let seed = 1;
const paper = new Paper(byId("paper"), () => {
  if (paper.isEmpty) [byId("label").value, chosen] = ["", ANSWER];
  show();
});

// --- what one sees ------------------------------------------------------------------------------------------------

const drawing = new Circles(byId("network"), [16, 16, 10], (layer, neuron) => {
  chosen = { layer, neuron };
  show();
});

// What the network makes of the paper: the circles, the answer in a sentence, and what the chosen neuron does.
function show() {
  const x = paper.numbers;
  const { network } = session;
  const activations = network.answer(x);
  const best = paper.isEmpty ? undefined : indexOfLargest(activations.at(-1));
  const neuron = chosen.neuron ?? best;
  drawing.show(activations, network, best, { ...chosen, neuron });
  byId("said").textContent = paper.isEmpty ? "Nothing is drawn. Draw a digit in the square." : answerText(activations);
  fill(byId("neuron"), neuron !== undefined && neuronView(x, activations, chosen.layer, neuron));
}

// As "It is a 7, and it reads 3, with 0.97. Second is 7, with 0.08. Neuron 12 of hidden layer 2 decides between them: ..."
function answerText(activations) {
  const [hidden, outputs] = activations.slice(-2);
  const { weight } = session.network.layers.at(-1);
  const [best, second] = [...outputs.keys()].sort((a, b) => outputs[b] - outputs[a]);
  const [ofBest, ofSecond] = [best, second].map((k) => columnOf(weight, 10, k).map((w, i) => w * hidden[i]));
  const most = indexOfLargest(ofBest.map((part, i) => part - ofSecond[i]));
  const label = byId("label").value;
  const isRight = label === "" || label === String(best);
  return (
    `${isRight ? "It" : `It is a ${label}, and it`} reads ${best}, with ${outputs[best].toFixed(2)}. Second is ${second}, with ` +
    `${outputs[second].toFixed(2)}. Neuron ${most} of hidden layer 2 decides between them: its activation is ${number(hidden[most], 2)}, ` +
    `and it adds ${number(ofBest[most], 2)} to the sum of ${best}, but ${number(ofSecond[most], 2)} to that of ${second}.`
  );
}

// What a neuron is given and what it makes of it; for an output also which pixels speak for it.
function neuronView(x, activations, layer, neuron) {
  const { weight, bias, inputs, outputs } = session.network.layers[layer];
  const weights = columnOf(weight, outputs, neuron);
  const given = layer ? activations[layer - 1] : x;
  const parts = weights.map((w, i) => w * given[i]);
  const total = parts.reduce((sum, part) => sum + part, bias[neuron]);
  const z = number(total, 3);
  const name = layer === 2 ? `The output for ${neuron}` : `Neuron ${neuron} of hidden layer ${layer + 1}`;
  const addends = `${inputs} weights × ${layer ? "activations" : "pixels"}`;
  const told = paragraph(
    "",
    `${name}: activation ${activations[layer][neuron].toFixed(2)} = sigmoid(${z}). ${z} is the sum of its ${addends} and the bias ${number(bias[neuron], 2)}.`,
  );
  if (layer === 0) {
    const colours = "Blue is above 0, and makes it fire; orange is below 0, and keeps it from firing.";
    return [told, picture(weights, `Its ${inputs} weights`), picture(parts, `Its ${addends}`), hint(colours)];
  }
  const shown = [told, h3(`Its ${addends}`), bars(parts, (i) => `neuron ${i}`)];
  if (layer === 1) return shown;
  const colours = `The gradient of this output by each pixel: more ink where it is blue makes it more a ${neuron}, where it is orange less.`;
  return [...shown, picture(pixelsFor(x, neuron), `Which pixels say ${neuron}`), hint(colours)];
}

// A number for each pixel as a picture. most: the size of the number that has the full colour.
function picture(numbers, caption, most = largest(numbers)) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": caption });
  paint(canvas, numbers, most);
  return element("figure", {}, element("figcaption", {}, caption), canvas);
}

// The gradient of an output by the 784 inputs.
function pixelsFor(x, digit) {
  const [{ network }, input] = [session, matrixOf([x])];
  const upstream = { shape: [1, 10], numbers: oneHot(digit) };
  return network.backward(input, network.forward(input), upstream, true).first;
}

// --- what is on the paper -----------------------------------------------------------------------------------------

let at = -1;
function take(i) {
  at = i;
  put(test.inputs[i], test.labels[i]);
}

function put(picture, label) {
  if (chosen.layer === 2) chosen = ANSWER;
  byId("label").value = label;
  paper.set(picture);
}

function teach() {
  const label = byId("label").value;
  if (paper.isEmpty) return "Nothing is drawn yet.";
  if (!label) return "Choose first what it shall be called.";
  train.inputs.push(paper.numbers);
  train.labels.push(Number(label));
  session.tell("add", { input: paper.numbers, wanted: oneHot(Number(label)) });
  return `${train.inputs.length - given} of your own, the last one as a ${label}. Train, to let it learn from them.`;
}

const ACTIONS = {
  clear: () => paper.clear(),
  another: () => take((at + 1) % test.inputs.length),
  wrong() {
    const order = [...test.inputs.keys()].map((i) => (at + 1 + i) % test.inputs.length); // from the next one on
    take(order.find((i) => indexOfLargest(session.network.answer(test.inputs[i]).at(-1)) !== test.labels[i]) ?? 0);
  },
  mean() {
    const threes = train.inputs.filter((_, i) => train.labels[i] === 3);
    const mean = train.inputs[0].map((_, p) => threes.reduce((sum, x) => sum + x[p], 0) / threes.length);
    put(mean, 3);
  },
  noise: () => put(train.inputs[0].map(Math.random), ""),
  teach: () => (byId("taught").textContent = teach()),
  train: () => fromAnew(() => session.toggle()),
  one: () => fromAnew(() => session.one()),
  anew: () => begin(Network.random([784, 16, 16, 10], "sigmoid", randomNumbers((seed += 1)))),
  back: () => begin(trained),
};

// The trained network stays as it is: who trains begins with random weights.
function fromAnew(action) {
  if (session.network === trained) ACTIONS.anew();
  action();
}

// --- training -----------------------------------------------------------------------------------------------------

const given = train.inputs.length; // examples, before one's own
const WAITING = ". It learns from 2,000 pictures, and is tested on 500 others";
let right = []; // the share of right answers, after so many steps
const session = new Session({ script: data.worker, settings: ["batch", "rate"], time: 200, onNews });

function begin(network) {
  right = [];
  session.begin(network, { inputs: train.inputs, wanted: train.labels.map(oneHot) }, test, seed);
  showTraining({ steps: 0 });
}

function onNews(told) {
  right.push([told.steps, 100 * told.right]);
  showTraining({ ...told, still: isStill(session.costs) });
}

// Whether the last 500 costs are hardly lower than the 500 before, though much is wrong.
function isStill(costs) {
  const [before, last] = [costs.slice(-1000, -500), costs.slice(-500)].map((part) => part.reduce((a, b) => a + b, 0));
  return costs.length >= 1000 && last > 0.98 * before && right.at(-1)[1] < 80;
}

function showTraining({ steps, gradients = undefined, ...trouble }) {
  show();
  const share = right.length ? `, ${number(right.at(-1)[1], 3)}% of 500 unseen pictures right` : WAITING;
  const gradient = gradients ? "The pictures show this step's gradient: each weight went against it." : "";
  byId("progress").textContent = `${stepsText(steps)}${share}. ${troubleText(trouble)} ${gradient}`;
  byId("weights-title").textContent = gradients
    ? "The gradient of the cost by each weight of hidden layer 1"
    : "The weights of hidden layer 1 as pictures: blue above 0, orange below";
  session.showCosts();
  fill(byId("right"), curveOf(right, "right answers in % by step", 100));
  const { weight, outputs } = session.network.layers[0];
  const shown = gradients ? gradients[0] : weight;
  const most = largest(shown);
  const made = Array.from({ length: outputs }, (_, j) => picture(columnOf(shown, outputs, j), `neuron ${j}`, most));
  fill(byId("weights"), made);
}

// --- the beginning ------------------------------------------------------------------------------------------------

startTheme();
byId("label").append(...Array.from({ length: 10 }, (_, digit) => element("option", {}, String(digit))));
byId("label").addEventListener("change", show);
for (const [id, action] of Object.entries(ACTIONS)) byId(id).addEventListener("click", action);
begin(trained);
put(
  Float64Array.from(decode(data.first, 1), (ink) => ink / 255),
  7,
);
