// Python, NumPy and the project in a worker. It is told where its files are, and then answers one request after another.

/** The bytes at an address. tell: is called with how many have come. */
async function bytes(address, tell) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok)
    throw new Error(`Python does not come: ${address} is not reached, or is not the file that is wanted.`);
  const parts = [];
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    tell(part.value.length);
  }
  return new Blob(parts).arrayBuffer();
}

/** A module, run only if its bytes are those that are wanted. */
async function checked(address, tell) {
  return import(URL.createObjectURL(new Blob([await bytes(address, tell)], { type: "text/javascript" })));
}

/** From now on whatever is fetched has its hash, or is refused. hashes: of addresses. */
function refuseOthers(hashes) {
  const plain = self.fetch;
  const known = new Map(Object.entries(hashes).map(([address, hash]) => [new URL(address, location.href).href, hash]));
  self.fetch = (address, options) => plain(address, { ...options, integrity: known.get(String(address)) ?? "" });
}

/** Python, once it is up. */
async function started({ python, wheels, course, hashes }) {
  refuseOthers(hashes);
  const whole = (address) => new URL(address, location.href).href;
  let come = 0;
  const told = (what) => (more) => postMessage({ loading: what, bytes: (come += more) });
  const [numpy, ours] = [
    wheels.map((wheel) => bytes(whole(wheel), told("NumPy"))),
    bytes(whole(course), told("the engine")),
  ];
  const [{ loadPyodide }] = await Promise.all([
    checked(whole(`${python}pyodide.mjs`), told("Python")),
    checked(whole(`${python}pyodide.asm.js`), told("Python")),
    ...["pyodide.asm.wasm", "python_stdlib.zip"].map((file) => bytes(whole(`${python}${file}`), told("Python"))),
    ...numpy, // here already, so that one which does not come is said at once
    ours,
  ]);
  const pyodide = await loadPyodide({ indexURL: whole(python) });
  for (const part of numpy) pyodide.unpackArchive(await part, "whl");
  pyodide.unpackArchive(await ours, "zip"); // here, as the root of the project is where one works in a terminal
  return pyodide;
}

let running;

self.onmessage = async ({ data: { id, call, request, addresses } }) => {
  if (addresses) {
    running = started(addresses);
    running.then(
      (pyodide) => (pyodide.runPython(addresses.first), postMessage({ ready: true })),
      ({ message }) => postMessage({ failed: message }),
    );
    return;
  }
  try {
    const [module, name] = call.split(".");
    const tell = (text) => postMessage({ id, told: JSON.parse(text) });
    const answer = (await running).pyimport(`examples.tab.${module}`)[name](JSON.stringify(request), tell);
    postMessage({ id, answer: JSON.parse(answer) });
  } catch (error) {
    postMessage({ id, failed: String(error) });
  }
};
