/// <reference path="paper.js" />
/// <reference path="circles.js" />
/// <reference path="cells.js" />
// The first page: paper for a digit, which the lecture's network reads while one draws; and cells to run.

function startPaper({ layers, first }) {
  const network = Network.of(layers);
  let chosen = { layer: layers.length - 1, neuron: undefined }; // the output that is the answer
  const drawing = new Circles(byId("network"), [16, 16, 10], (layer, neuron) => {
    chosen = { layer, neuron };
    show();
  });
  const paper = new Paper(byId("paper"), show);

  function show() {
    const activations = network.answer(paper.numbers);
    const outputs = activations.at(-1);
    const best = paper.isEmpty ? undefined : indexOfLargest(outputs);
    drawing.show(activations, network, best, { ...chosen, neuron: chosen.neuron ?? best });
    byId("said").textContent = paper.isEmpty
      ? "Nothing is drawn. Draw a digit in the square."
      : `It reads a ${best}: its output for ${best} is ${outputs[best].toFixed(2)}.`;
  }

  byId("clear").addEventListener("click", () => paper.clear());
  paper.set(Float64Array.from(decode(first, 1), (ink) => ink / 255));
}

const given = JSON.parse(byId("data").textContent);
if (given.layers) startPaper(given);
