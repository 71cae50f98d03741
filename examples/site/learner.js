// A learner's folder, as the browser keeps it: the files that are not as they were given, and progress.json.

const FOLDER = "exercises"; // the name that it is kept under

class Learner {
  constructor(given) {
    this.given = given; // file -> text
    this.kept = true; // whether the browser keeps what is written
    try {
      this.files = JSON.parse(localStorage.getItem(FOLDER)) ?? {};
    } catch {
      this.files = {};
    }
  }

  text(file) {
    return this.files[file] ?? this.given[file];
  }

  get progress() {
    return JSON.parse(this.files["progress.json"] ?? "{}");
  }

  /** Other texts, of one file or after a command of all. */
  write(files) {
    this.files = files;
    try {
      localStorage.setItem(FOLDER, JSON.stringify(files));
      this.kept = true;
    } catch {
      this.kept = false; // a private window, or no room is left
    }
  }

  edit(file, text) {
    this.write({ ...this.files, [file]: text });
  }
}
