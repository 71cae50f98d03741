// Python in workers: one that answers, and one that stands ready if that must be ended.

class Python {
  /** addresses: of its parts.  tell: is called with what is loaded, and how many bytes have come. */
  constructor(addresses, tell) {
    Object.assign(this, { addresses, tell, number: 0 });
    this.worker = this.begun(tell);
    this.worker.ready.then(() => (this.spare = this.begun(() => {})));
  }

  begun(tell) {
    const worker = new Worker("course_worker.js", { type: "module" });
    worker.waiting = new Map();
    worker.ready = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        if (data.ready) resolve();
        else if (data.failed) reject(new Error(data.failed));
        else if (data.loading) tell(data);
        else worker.waiting.get(data.id)(data);
      };
    });
    const { python, wheels, course } = this.addresses;
    const whole = (address) => new URL(address, location.href).href;
    worker.postMessage({ python: whole(python), wheels: wheels.map(whole), course: whole(course) });
    return worker;
  }

  /** The answer to a request, or null if it has no end within so many seconds, or is stopped. */
  async ask(request, seconds) {
    const worker = this.worker;
    await worker.ready;
    const id = ++this.number;
    const answer = new Promise((resolve) => {
      worker.waiting.set(id, resolve);
      this.stop = () => resolve(null);
      setTimeout(() => resolve(null), 1000 * seconds);
    });
    worker.postMessage({ id, request });
    const found = await answer;
    if (found === null) this.replace();
    return found;
  }

  replace() {
    this.worker.terminate();
    this.worker = this.spare ?? this.begun(this.tell);
    this.spare = this.begun(() => {});
  }
}
