// For tsc: the fields of the pages' classes that their constructors set with Object.assign, which it does not follow.

interface ValueView {
  place: Place;
  data: any;
  live: Live;
  look(value: number): void;
  open(group: number): void;
  edit(value?: number, index?: number, to?: number): void;
}

interface Panel extends Pick<ValueView, "place" | "data" | "live" | "look" | "open" | "edit"> {
  values: ValueView;
}

interface Picture {
  place: Place;
  choose(box: any): void;
  scroll: HTMLElement;
  zoom: number;
}

interface PlaneNetwork {
  place: HTMLElement;
  told: HTMLElement;
  onNeurons(layer: number, neurons: number): void;
  network: Network;
  gradients: Float64Array[] | null;
}

interface Training {
  network: Network;
  examples: { inputs: ArrayLike<number>[]; wanted: ArrayLike<number>[] };
  batch: number;
  rate: number;
  momentum: number;
  draw(): number;
  steps: number;
  order: number[];
}

interface GPT {
  layers: number;
  heads: number;
  width: number;
  eps: number;
  weights: any;
}

interface TapeNode {
  shape: number[];
  numbers: Float64Array;
  back(g: Float64Array): void;
  slope: Float64Array | null;
}

interface Session {
  worker: Worker;
  settings: string[];
  time: number;
  gradients: boolean;
  number: number;
  network: Network;
  costs: number[];
}
