/// <reference path="points.js" />
/// <reference path="tries.js" />
/// <reference path="plane.js" />
/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Play with a network: points in the plane, layers, a rate; what it learns, and the gradient of every weight meanwhile.

const data = JSON.parse(byId("data").textContent);
const POINTS = 200;
const DEFAULT = { shape: "moons", hidden: [4, 4], activation: "tanh", rate: 1, batch: 40, momentum: 0, seed: 1 };
const worker = new Worker(URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" })));
const tries = new Tries(byId("tries"));
const drawing = new PlaneNetwork(byId("network"), (layer, neurons) => {
  if (neurons >= 1 && neurons <= 64) change({ hidden: state.hidden.with(layer, neurons) });
});
let state = { ...DEFAULT };
let [points, network, start, gradients, costs, path, right, steps, isRunning] = [
  [],
  null,
  null,
  null,
  [],
  [],
  0,
  0,
  false,
];
let [run, zero] = [0, false]; // the number of the training; whether it began with all weights at 0

// --- the state, which is in the link ------------------------------------------------------------------------------

const asLink = () =>
  Object.entries(state)
    .map(([name, value]) => `${name}=${value}`)
    .join("&");

// The state of a link, or undefined if it is broken.
function readLink(text) {
  const found = Object.fromEntries(new URLSearchParams(text));
  const read = { ...DEFAULT };
  for (const [name, value] of Object.entries(found)) {
    const ofChoice = ["shape", "activation", "rate", "batch", "momentum"].includes(name);
    if (ofChoice && [...byId(name).options].some((option) => option.value === value)) {
      read[name] = Number.isNaN(Number(value)) ? value : Number(value);
    } else if (name === "seed" && /^\d{1,9}$/.test(value)) {
      read.seed = Number(value);
    } else if (name === "hidden" && /^(\d{1,2}(,\d{1,2}){0,4})?$/.test(value)) {
      read.hidden = value ? value.split(",").map(Number) : [];
    } else {
      return undefined;
    }
  }
  return read.hidden.every((n) => n >= 1 && n <= 64) ? read : undefined;
}

function change(what) {
  state = { ...state, ...what };
  history.replaceState(null, "", `#${asLink()}`);
  begin();
}

// --- training -----------------------------------------------------------------------------------------------------

function begin(fromZero = false) {
  pause();
  zero = fromZero;
  const draw = randomNumbers(state.seed);
  if (state.shape !== "own" || points.some(([, , , isOwn]) => !isOwn)) points = SHAPES[state.shape](draw, POINTS);
  const sizes = [2, ...state.hidden, 1];
  network = Network.random(sizes, state.activation, "sigmoid", draw);
  if (zero) for (const layer of network.layers) layer.weight.fill(0);
  [start, gradients, costs, path, right, steps] = [network.copy(), null, [], [], 0, 0];
  drawing.build(sizes);
  tellWorker();
  byId("landscape").hidden = true;
  show();
}

function tellWorker() {
  run += 1;
  const inputs = points.map(([x, y]) => Float64Array.of(x, y));
  const labels = points.map(([, , label]) => label);
  const examples = { inputs, wanted: labels.map((label) => Float64Array.of(label)) };
  const { batch, rate, momentum, seed } = state;
  worker.postMessage({
    tell: "begin",
    network,
    examples,
    test: { inputs, labels },
    settings: { batch, rate, momentum },
    seed,
    number: run,
  });
}

function ask(tell) {
  if (points.length < 2) pause();
  if (points.length < 2)
    return void (byId("said").textContent =
      "There are no points to learn from. Click into the square, or choose other data.");
  worker.postMessage({ tell, time: 30, gradients: true });
}

function pause() {
  isRunning = false;
  byId("train").textContent = "Train";
}

worker.onmessage = ({ data: told }) => {
  if (told.run !== run) return; // of a training that was given up
  if (told.diverged) pause();
  network = new Network(told.layers);
  [gradients, right, steps] = [told.gradients, told.right, told.steps];
  costs.push(...told.costs.filter(Number.isFinite));
  path.push(flat(network));
  if (path.length > 400) path = path.filter((_, i) => i % 2 === 0);
  show(told.diverged);
  if (isRunning) requestAnimationFrame(() => ask("run"));
};

// --- what one sees ------------------------------------------------------------------------------------------------

function show(diverged = false) {
  drawing.show(network, byId("gradients").checked ? gradients : null);
  const fine = Array.from({ length: 3600 }, (_, i) =>
    Float64Array.of(((i % 60) + 0.5) / 30 - 1, 1 - (Math.floor(i / 60) + 0.5) / 30),
  );
  paintPlane(
    byId("answers"),
    network
      .answer(...fine)
      .at(-1)
      .map((a) => a - 0.5),
    0.5,
  );
  drawPoints();
  byId("costs").replaceChildren(curveOf(thinned(costs), "cost by step"));
  const steepest = gradients ? Math.max(...gradients.flat().map(largest)) : 0;
  byId("said").textContent = sentence(diverged, steepest);
  tries.look({
    ...state,
    zero,
    sizes: [2, ...state.hidden, 1],
    points: points.length,
    costs,
    steps,
    right: steps ? right : NaN,
    steepest,
    dead: deadNeurons(),
  });
}

function sentence(diverged, steepest) {
  if (diverged)
    return `The cost is no longer a number: a rate of ${state.rate} is too large. The weights are those before that step; choose a smaller rate, and go on.`;
  if (!steps) return "Random weights. Train, or change the network first.";
  return `After ${steps.toLocaleString("en")} steps ${number(100 * right, 3)}% of the points are right, the cost is ${number(costs.at(-1), 3)}, the largest gradient ${number(steepest, 2)}.`;
}

function drawPoints() {
  const canvas = byId("points");
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, 300, 300);
  for (const [x, y, label] of points) {
    pen.beginPath();
    pen.arc(150 * (1 + x), 150 * (1 - y), 4, 0, 7);
    pen.fillStyle = label ? "rgb(38 122 204)" : "rgb(214 107 31)";
    pen.strokeStyle = "white";
    pen.fill();
    pen.stroke();
  }
}

// Every point of a curve, or so many that it can be drawn.
function thinned(numbers) {
  const apart = Math.ceil(numbers.length / 300);
  return numbers.map((y, i) => [i + 1, y]).filter((_, i) => i % apart === 0 || i === numbers.length - 1);
}

// Hidden neurons whose ReLU gives 0 for every point.
function deadNeurons() {
  if (state.activation !== "relu" || !points.length) return 0;
  const answers = network.answer(...points.map(([x, y]) => Float64Array.of(x, y))).slice(0, -1);
  return answers.reduce((dead, all, l) => {
    const n = network.layers[l].outputs;
    return (
      dead + Array.from({ length: n }, (_, i) => all.every((a, k) => k % n !== i || a === 0)).filter(Boolean).length
    );
  }, 0);
}

// --- the landscape ------------------------------------------------------------------------------------------------

const flat = ({ layers }) =>
  joinedNumbers([Float64Array.from(layers.flatMap(({ weight, bias }) => [...weight, ...bias]))]);
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

// The cost of the network whose weights and biases are these numbers.
function costOf(numbers) {
  let at = 0;
  const take = (array) => numbers.subarray(at, (at += array.length));
  const other = new Network(
    network.layers.map((layer) => ({ ...layer, weight: take(layer.weight), bias: take(layer.bias) })),
  );
  const answers = other.answer(...points.map(([x, y]) => Float64Array.of(x, y))).at(-1);
  return answers.reduce((sum, a, i) => sum + (a - points[i][2]) ** 2, 0) / points.length;
}

// A slice through where the network is now: to the right from its start, upward against the gradient, at right angles.
function drawLandscape() {
  const [now, began] = [flat(network), flat(start)];
  const along = now.map((x, i) => x - began[i]);
  const length = Math.sqrt(dot(along, along));
  if (!gradients || length < 1e-9)
    return void (byId("said").textContent = "It has not moved yet. Train it first, then look at its path.");
  const right_ = along.map((x) => x / length);
  const g = flat({ layers: gradients.map(([weight, bias]) => ({ weight, bias })) });
  const rest = g.map((x, i) => -(x - dot(g, right_) * right_[i]));
  const size = Math.sqrt(dot(rest, rest)) || 1;
  const up = rest.map((x) => x / size);
  const [side, far] = [41, 1.3 * length];
  const grid = Float64Array.from({ length: side ** 2 }, (_, k) => {
    const [a, b] = [((k % side) / (side - 1) - 0.75) * 2 * far, (0.5 - Math.floor(k / side) / (side - 1)) * 2 * far];
    return costOf(now.map((x, i) => x + a * right_[i] + b * up[i]));
  });
  const [least, most] = [Math.min(...grid), Math.max(...grid)];
  const pen = byId("slice").getContext("2d");
  const step = 200 / side;
  grid.forEach((cost, k) => {
    pen.fillStyle = `hsl(210 15% ${95 - 75 * ((cost - least) / (most - least || 1))}%)`;
    pen.fillRect((k % side) * step, Math.floor(k / side) * step, step + 1, step + 1);
  });
  pen.beginPath();
  for (const place of [began, ...path]) {
    const moved = place.map((x, i) => x - now[i]);
    pen.lineTo((dot(moved, right_) / (2 * far) + 0.75) * 200, (0.5 - dot(moved, up) / (2 * far)) * 200);
  }
  Object.assign(pen, { strokeStyle: "rgb(192 43 14)", lineWidth: 2 });
  pen.stroke();
  byId("landscape").hidden = false;
}

// --- the beginning ------------------------------------------------------------------------------------------------

const ACTIONS = {
  train() {
    if (isRunning) return pause();
    isRunning = true;
    byId("train").textContent = "Pause";
    ask("run");
  },
  one() {
    pause();
    ask("step");
  },
  anew: () => change({ seed: state.seed + 1 }),
  zero: () => begin(true),
  more: () => state.hidden.length < 5 && change({ hidden: [...state.hidden, 4] }),
  less: () => state.hidden.length && change({ hidden: state.hidden.slice(0, -1) }),
  look: drawLandscape,
};

startTheme();
for (const [id, action] of Object.entries(ACTIONS)) byId(id).addEventListener("click", action);
for (const id of ["rate", "batch", "momentum"]) {
  byId(id).addEventListener("change", () => {
    state[id] = Number(byId(id).value);
    history.replaceState(null, "", `#${asLink()}`);
    worker.postMessage({ tell: "set", [id]: state[id] });
  });
}
for (const id of ["shape", "activation"]) byId(id).addEventListener("change", () => change({ [id]: byId(id).value }));
byId("gradients").addEventListener("change", () => show());
byId("points").addEventListener("click", (event) => {
  const { left, top, width, height } = byId("points").getBoundingClientRect();
  const [x, y] = [(2 * (event.clientX - left)) / width - 1, 1 - (2 * (event.clientY - top)) / height];
  const own = points.filter(([, , , isOwn]) => isOwn || state.shape !== "own");
  points = [...own, [x, y, Number(byId("colour").value), true]];
  tellWorker();
  [steps, costs] = [0, []];
  show();
});
const read = readLink(location.hash.slice(1));
state = read ?? state;
for (const id of ["shape", "activation", "rate", "batch", "momentum"]) byId(id).value = String(state[id]);
begin();
if (!read) byId("said").textContent = "The link's state is broken, so this is the usual beginning.";
