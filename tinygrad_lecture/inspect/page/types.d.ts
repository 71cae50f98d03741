// What the data of a page of a computation looks like; story_data.py writes it. Nothing here runs.

/** an array: whole in `data`, or of a large one its first `corner` and a `picture` of means */
interface ArrayData {
  shape: number[];
  dtype: string;
  digits?: number; // that show how the elements differ, where four do not
  size: number; // bytes of a number in `data`
  data?: string;
  corner?: string;
  cornerShape?: number[];
  picture?: string;
  pictureShape?: number[];
  low?: number; // of the finite elements, as `high`, `mean`, `sd`
  high?: number;
  mean?: number;
  sd?: number;
  odd?: number; // how many elements are nan or infinite
  counts?: number[]; // a histogram from low to high
}

/** a value of the graph. Arrays and values are given by their index, -1 for none. */
interface Value {
  number: number;
  name: string;
  gradient: string; // how its gradient is written, "dC/dw"
  op: string; // "" for a leaf or constant
  kind: "leaf" | "constant" | "result";
  formula: string;
  filled: string; // the formula with numbers
  definition: string; // what a fused op computes, with numbers where they are few
  sums: string[]; // the elements of a product, each as a sum; of a large array one element
  inWords: string;
  shape: number[];
  dtype: string;
  inputs: number[];
  inputNames: string[];
  value: number;
  group: number; // where it stands
  partOf: string; // the function of several ops that it is one of
  module: string;
  lines: number[];
  weights: number; // of attention
}

/** what a step of backward hands to an input */
interface Term {
  to: number;
  gradient: string; // how the gradient of the input is written
  array: number; // the term
  before: number;
  after: number;
  count: number; // this is the count-th
  of: number; // of so many terms to it
  derivative: string;
  slopes: string[]; // the derivative, element by element
  rule: string;
  lines: string[]; // the term, element by element
  total: string;
}

interface BackwardStep {
  value: number;
  upstream: number;
  gradient: string;
  starts: boolean; // whether backward starts here
  start: string; // what it starts with, where that is not 1
  changed: boolean; // by a hook
  terms: Term[];
}

interface Group { name: string; kind: string; parent: number }

interface Box {
  value?: number;
  group?: number;
  outside?: boolean;
  x: number;
  y: number;
  w: number;
  h: number;
  lines: string[];
  rows: number; // lines of its gradient
}

interface Arrow { from: number; to: number; d: string }

interface View { boxes: Box[]; arrows: Arrow[]; width: number; height: number }

interface SourceLine { file: string; number: number; text: string }

interface Data {
  title: string;
  result: number;
  differentiated: string; // what the gradients are derivatives of, the result or a multiple of it
  note: string; // about the pass
  own: boolean; // whether the page went backward itself
  more: string; // why .grad holds something else
  values: Value[];
  steps: BackwardStep[];
  stored: Record<string, number>;
  groups: Group[];
  views: View[];
  flat: View | null;
  tokens: string[];
  lines: SourceLine[];
  arrays: ArrayData[];
}
