/// <reference path="../../tinygrad_lecture/inspect/page/compute.js" />
// A network of layers, and its training by mini-batches.

const SLOPES = { sigmoid: (a) => a * (1 - a), tanh: (a) => 1 - a * a, relu: (a) => Number(a > 0), linear: () => 1 };

// A layer: weights (inputs, outputs) and biases as arrays of numbers, and the name of an activation function.
class Network {
  constructor(layers) {
    this.layers = layers;
  }

  // Of layers as pages.py has them, their numbers in base64.
  static of(layers) {
    const floats = (text) => Float64Array.from(decode(text, 4));
    return new Network(layers.map((one) => ({ ...one, weight: floats(one.weight), bias: floats(one.bias) })));
  }

  // Random weights as Glorot and Bengio (2010) draw them, within the root of 6 / (inputs + outputs); biases 0. Outputs are
  // sigmoids.
  static random(sizes, activation, draw) {
    return new Network(
      sizes.slice(1).map((outputs, i) => {
        const [inputs, far] = [sizes[i], Math.sqrt(6 / (sizes[i] + outputs))];
        const weight = Float64Array.from({ length: inputs * outputs }, () => far * (2 * draw() - 1));
        const own = i === sizes.length - 2 ? "sigmoid" : activation;
        return { inputs, outputs, weight, bias: new Float64Array(outputs), activation: own };
      }),
    );
  }

  // Forward: x, an array (batch, inputs) -> the activations of each layer.
  forward(x) {
    return this.layers.map(({ inputs, outputs, weight, bias, activation }) => {
      const sums = product(x, { shape: [inputs, outputs], numbers: weight });
      const z = each(EACH.add, sums.shape, sums, { shape: [outputs], numbers: bias });
      return (x = activation === "linear" ? z : each(EACH[activation], z.shape, z));
    });
  }

  // Backward: x, the activations of each layer, and the gradient of the last -> the gradients of all weights and biases
  // and, where `first` says so, that of x.
  backward(x, activations, { shape, numbers }, first = false) {
    const gradients = [];
    let g = numbers;
    for (const l of [...this.layers.keys()].reverse()) {
      const { inputs, outputs, weight, activation } = this.layers[l];
      const [above, slope] = [l ? activations[l - 1] : x, SLOPES[activation]];
      const z = { shape: [shape[0], outputs], numbers: g.map((u, i) => u * slope(activations[l].numbers[i])) };
      const bias = collected("sum", z, placesOf(z.shape, [0, 1]), [outputs]);
      gradients.unshift(product(transposed(above), z).numbers, bias.numbers);
      if (l || first) g = product(z, transposed({ shape: [inputs, outputs], numbers: weight })).numbers;
    }
    return { gradients, first: g };
  }

  // The activations of each layer for some inputs: a row for each.
  answer(...rows) {
    return this.forward(matrixOf(rows)).map(({ numbers }) => numbers);
  }

  // The arrays of all weights and biases.
  get parameters() {
    return this.layers.flatMap(({ weight, bias }) => [weight, bias]);
  }
}

// Gradient descent on a network. examples: { inputs: n arrays of numbers, wanted: n arrays of numbers }.
class Training {
  constructor(network, examples, { batch, rate, momentum = 0 }, draw) {
    Object.assign(this, { network, examples, batch, rate, momentum, draw, steps: 0, order: [] });
    this.speeds = network.parameters.map(({ length }) => new Float64Array(length));
  }

  // The numbers of the next examples: each example once, in an order drawn anew, then again.
  next() {
    if (!this.order.length) {
      this.order = this.examples.inputs.map((_, i) => i);
      for (let i = this.order.length - 1; i > 0; i -= 1) {
        const j = Math.floor(this.draw() * (i + 1));
        [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
      }
    }
    return this.order.splice(0, this.batch);
  }

  // A step against the gradient of a batch's mean cost, the sum of squares. Returns the cost, and keeps the gradients.
  step(chosen = this.next()) {
    const { inputs, wanted } = this.examples;
    const [x, y] = [inputs, wanted].map((rows) => matrixOf(chosen.map((i) => rows[i])));
    const activations = this.network.forward(x);
    const error = each(EACH.sub, y.shape, activations.at(-1), y);
    const cost = error.numbers.reduce((sum, e) => sum + e * e, 0) / chosen.length;
    const slope = { ...error, numbers: error.numbers.map((e) => (2 * e) / chosen.length) };
    this.gradients = this.network.backward(x, activations, slope).gradients;
    this.steps += 1;
    if (!Number.isFinite(cost)) return cost; // the weights stay as they were
    this.network.parameters.forEach((numbers, k) => {
      const [g, speed] = [this.gradients[k], this.speeds[k]];
      for (let j = 0; j < numbers.length; j += 1) {
        speed[j] = this.momentum * speed[j] + g[j];
        numbers[j] -= this.rate * speed[j];
      }
    });
    return cost;
  }
}

// Rows of numbers as an array.
function matrixOf(rows) {
  return { shape: [rows.length, rows[0].length], numbers: joinedNumbers(rows) };
}

// A column of a matrix whose rows are so wide.
function columnOf(numbers, width, column) {
  return Float64Array.from({ length: numbers.length / width }, (_, row) => numbers[row * width + column]);
}

// Random numbers from 0 to 1 that a seed determines: mulberry32, by Tommy Ettinger.
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
