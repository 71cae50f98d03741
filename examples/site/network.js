/// <reference path="../../tinygrad_lecture/inspect/page/tape.js" />
// A network of layers on the tape, and its training by mini-batches.

// A layer: weights (inputs, outputs) and biases as arrays of numbers, and the name of an activation function.
class Network {
  constructor(layers) {
    this.layers = layers;
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

  // Forward: x, a node of shape (batch, inputs) -> of each layer the nodes of its weights, biases, sums and activations.
  forward(tape, x) {
    return this.layers.map(({ inputs, outputs, weight, bias, activation }) => {
      const [W, b] = [tape.node([inputs, outputs], weight), tape.node([outputs], bias)];
      const z = tape.each(EACH.add, tape.product(x, W), b);
      x = activation === "linear" ? z : tape.each(EACH[activation], z);
      return { W, b, z, a: x };
    });
  }

  // The activations of each layer for some inputs: a row for each.
  answer(...rows) {
    const tape = new Tape();
    return this.forward(tape, tape.given([rows.length, rows[0].length], joinedNumbers(rows))).map(({ a }) => a.numbers);
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
    const [tape, n] = [new Tape(), chosen.length];
    const x = tape.given([n, inputs[0].length], joinedNumbers(chosen.map((i) => inputs[i])));
    const layers = this.network.forward(tape, x);
    const y = tape.given([n, wanted[0].length], joinedNumbers(chosen.map((i) => wanted[i])));
    const error = tape.each(EACH.sub, layers.at(-1).a, y);
    const cost = tape.scaled(OPS.sum(tape, [tape.each(EACH.mul, error, error)], { axis: null }, []), 1 / n);
    cost.grad[0] = 1;
    tape.backward();
    this.gradients = layers.flatMap(({ W, b }) => [W.grad, b.grad]);
    this.steps += 1;
    if (!Number.isFinite(cost.numbers[0])) return cost.numbers[0]; // the weights stay as they were
    this.network.parameters.forEach((numbers, k) => {
      const [g, speed] = [this.gradients[k], this.speeds[k]];
      for (let j = 0; j < numbers.length; j += 1) {
        speed[j] = this.momentum * speed[j] + g[j];
        numbers[j] -= this.rate * speed[j];
      }
    });
    return cost.numbers[0];
  }
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
