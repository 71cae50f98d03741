// Python in workers: one that answers, and one that stands ready if that must be ended.

const GRACE = 2; // seconds over a limit
const FROM_DISK =
  "Python does not run in a page that is opened from a disk. In the folder of index.html: python -m http.server 8000 --bind 127.0.0.1, then http://localhost:8000/";
const NO_PYTHON = "This browser has no WebAssembly, or it is switched off, so Python does not run in it.";

class Python {
  /**
   * addresses: of its parts.  module: what it imports at once.  tell: is called with what is loaded, and how many bytes.
   */
  constructor(addresses, module, tell) {
    this.addresses = { ...addresses, first: `import examples.tab.${module}` };
    this.number = 0;
    this.stop = () => {};
    this.ready = this.begin(tell);
  }

  async begin(tell) {
    if (location.protocol === "file:") throw new Error(FROM_DISK);
    if (typeof WebAssembly === "undefined") throw new Error(NO_PYTHON);
    await keptOffline();
    this.worker = this.begun(tell);
    await this.worker.ready;
    this.spare = this.begun();
  }

  begun(tell = (_) => {}) {
    const worker = new Worker("python_worker.js", { type: "module" });
    const waiting = new Map();
    /** @type {Promise<void>} */
    const ready = new Promise((resolve, reject) => {
      worker.onerror = () => reject(new Error("python_worker.js is not there"));
      worker.onmessage = ({ data }) => {
        if (data.id) waiting.get(data.id)(data);
        else if (data.ready) resolve();
        else if (data.failed) reject(new Error(data.failed));
        else tell(data);
      };
    });
    worker.postMessage({ addresses: this.addresses });
    return { worker, waiting, ready };
  }

  /** What a function of examples/tab answers to a request; null if it was stopped, or took more seconds than it may.
   *
   * told: is called with what the function tells meanwhile; if that has seconds, they count from then.
   */
  async ask(call, request, seconds = Infinity, told = (_) => {}) {
    await this.ready;
    const { worker, waiting, ready } = this.worker;
    await ready;
    const id = ++this.number;
    let timer;
    const answer = new Promise((resolve, reject) => {
      const wait = (limit) => {
        clearTimeout(timer);
        if (limit < Infinity) timer = setTimeout(() => resolve(null), 1000 * (limit + GRACE));
      };
      this.stop = () => resolve(null);
      waiting.set(id, (data) => {
        if ("answer" in data) resolve(data.answer);
        else if ("failed" in data) reject(new Error(data.failed));
        else (told(data.told), wait(data.told.seconds ?? seconds));
      });
      wait(seconds);
    });
    worker.postMessage({ id, call, request });
    let found = null;
    try {
      return (found = await answer);
    } finally {
      clearTimeout(timer);
      if (found === null) this.replace();
    }
  }

  replace() {
    this.worker.worker.terminate();
    this.worker = this.spare ?? this.begun();
    this.spare = this.begun();
  }
}

/** Let a service worker keep what is loaded, where there may be one; and what the page has loaded without it. */
async function keptOffline() {
  const { serviceWorker } = navigator;
  if (!serviceWorker || typeof caches === "undefined") return;
  try {
    const claimed = new Promise((resolve) => serviceWorker.addEventListener("controllerchange", resolve));
    await serviceWorker.register("offline.js");
    if (!serviceWorker.controller) await Promise.race([claimed, new Promise((resolve) => setTimeout(resolve, 1000))]);
    const map = document.querySelector('script[type="importmap"]')?.textContent ?? '{ "imports": {} }';
    const cache = await caches.open("site");
    const add = async (address) => (await cache.match(address)) || cache.add(address);
    Promise.all([location.pathname, ...Object.values(JSON.parse(map).imports)].map(add)).catch(() => {}); // no room: the network remains
  } catch {} // a private window: the browser's own cache remains
}
