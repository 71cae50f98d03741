// Python, NumPy and the course in a worker. It is told where its files are, and then answers one request after another.

/** The bytes at an address. tell: is called with how many have come. */
async function bytes(address, tell) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  const parts = [];
  for await (const part of response.body) {
    parts.push(part);
    tell(part.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Python, once it is up: a function from a request to its answer, both as JSON. */
async function started({ python, wheels, course }) {
  let come = 0;
  const told = (what) => (more) => postMessage({ loading: what, bytes: (come += more) });
  const parts = wheels.map((wheel) => bytes(wheel, told("NumPy")));
  const ours = bytes(course, told("the engine"));
  for (const file of ["pyodide.asm.wasm", "python_stdlib.zip"]) await bytes(`${python}${file}`, told("Python"));
  const { loadPyodide } = await import(`${python}pyodide.mjs`);
  const pyodide = await loadPyodide({ indexURL: python });
  for (const part of parts) pyodide.unpackArchive(await part, "whl");
  pyodide.unpackArchive(await ours, "zip", { extractDir: "/lib/python3.12/site-packages" });
  return pyodide.runPython("from examples.exercises.tab import answer; answer");
}

let running;

self.onmessage = async ({ data }) => {
  if (data.python) {
    running = started(data);
    running.then(
      () => postMessage({ ready: true }),
      (error) => postMessage({ failed: String(error) }),
    );
  } else {
    const answer = await running;
    postMessage({ id: data.id, ...JSON.parse(answer(JSON.stringify(data.request))) });
  }
};
