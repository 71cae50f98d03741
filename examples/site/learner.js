// A learner's folder, as the browser keeps it: the files that are not as they were given, and progress.json.

const [FOLDER, BEFORE] = ["exercises", "exercises, before another folder was opened"]; // the names that it is kept under
const loaded = (name) => import(name); // from where the page's import map says

class Learner {
  /** given: file -> text.  changed: is called when another tab has written. */
  constructor(given, changed) {
    this.given = given;
    this.kept = true; // whether the browser keeps what is written
    this.files = this.read(FOLDER) ?? {};
    addEventListener("storage", ({ key, newValue }) => {
      if (key !== FOLDER) return;
      this.files = JSON.parse(newValue) ?? {};
      changed();
    });
    addEventListener("beforeunload", (event) => this.kept || event.preventDefault());
  }

  read(name) {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch {
      return null; // there is no storage
    }
  }

  text(file) {
    return this.files[file] ?? this.given[file];
  }

  get progress() {
    try {
      return JSON.parse(this.files["progress.json"]) ?? {};
    } catch {
      return {}; // none yet, or the next command says what is wrong with it
    }
  }

  write(files, name = FOLDER) {
    if (name === FOLDER) this.files = files;
    try {
      localStorage.setItem(name, JSON.stringify(files));
      this.kept = true;
    } catch {
      this.kept = false; // a private window, or no room is left
    }
  }

  edit(file, text) {
    const { [file]: _, ...others } = this.files;
    this.write(text === this.given[file] ? others : { ...others, [file]: text });
  }

  goTo(name) {
    this.edit("progress.json", `${JSON.stringify({ ...this.progress, current: name }, null, 1)}\n`);
  }

  /** What a command changed, while one could go on writing. */
  merge(before, after) {
    const now = { ...this.files };
    for (const file of Object.keys({ ...before, ...after })) {
      if (before[file] === after[file]) continue;
      if (file in after) now[file] = after[file];
      else delete now[file];
    }
    this.write(now);
  }

  /** The folder as a zip, as `python -m examples.exercises` has it. */
  async zip() {
    const { strToU8, zipSync } = await loaded("fflate");
    const entries = Object.entries({ ...this.given, ...this.files });
    return zipSync(Object.fromEntries(entries.map(([file, text]) => [`${FOLDER}/${file}`, strToU8(text)])));
  }

  /** Put a folder in the place of this one. files: chosen ones, or a zip. Returns how many are of no exercise. */
  async open(files) {
    let found = {};
    if (files.length === 1 && files[0].name.endsWith(".zip")) {
      const { unzipSync } = await loaded("fflate");
      try {
        found = unzipSync(new Uint8Array(await files[0].arrayBuffer()));
      } catch {
        throw new Error(`${files[0].name} is no zip file.`);
      }
    } else {
      for (const file of files) found[file.webkitRelativePath || file.name] = await file.arrayBuffer();
    }
    const paths = Object.keys(found);
    const under = (path) => Object.keys(this.given).find((file) => path === file || path.endsWith(`/${file}`));
    const known = paths.find(under);
    if (!known) throw new Error("There is no file of an exercise in it: choose the folder `exercises`, or its zip.");
    const folder = known.slice(0, -under(known).length);
    const inside = paths.filter(
      (path) => path.startsWith(folder) && /\.(py|txt|json)$/.test(path) && !path.includes(".."),
    );
    const texts = inside.map((path) => [path.slice(folder.length), new TextDecoder().decode(found[path])]);
    const before = this.files;
    this.write(Object.fromEntries(texts.filter(([file, text]) => text !== this.given[file])));
    this.before = before;
    return texts.filter(([file]) => file.endsWith(".py") && !(file in this.given)).length;
  }

  /** What was here before a folder was opened, or null. It is kept as long as the browser keeps anything. */
  get before() {
    return this.read(BEFORE);
  }

  set before(files) {
    this.write(files, BEFORE);
  }
}
