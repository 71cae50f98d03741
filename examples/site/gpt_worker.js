/// <reference path="gpt.js" />
// The GPT in a worker, so that the page never waits.

let model;

onmessage = ({ data }) => {
  if (data.model) model = modelOf(data.model);
  if (data.tokens) postMessage({ ...model.run(data.tokens, data.off), asked: data });
};
