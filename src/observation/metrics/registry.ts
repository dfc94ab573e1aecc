// Counters, gauges and histograms, and how Prometheus reads them.
//
// Knows:          names, labels, numbers, the text format. Does not know: what is measured.
//
// Invariants
//   P1. The number of series is bounded: past `MAX_SERIES` label values of a metric, what is new is counted under "other"
//       (in every label), so that sums stay right.
//   P2. A counter never decreases, the buckets of a histogram are cumulative, the last is +Inf.
//
// Rejected: prom-client. What is needed of it is this file.
//
// Spec: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4)

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const MAX_SERIES = 1_000;
const OTHER = "other";

export type Labels = readonly string[];

abstract class Metric<T> {
  readonly #series = new Map<string, { readonly labels: Labels; readonly value: T }>();
  readonly name: string;
  readonly #help: string;
  readonly #labelNames: readonly string[];

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.#help = help;
    this.#labelNames = labelNames;
  }

  abstract readonly type: "counter" | "gauge" | "histogram";
  protected abstract begin(): T;
  protected abstract lines(value: T, labels: string): readonly string[];

  /** The value of these labels, in the order of the metric's label names (P1). It may be kept, and changed in its place. */
  at(labels: Labels): T {
    const key = labels.join("\0");
    const known = this.#series.get(key);
    if (known !== undefined) return known.value;
    if (this.#series.size >= MAX_SERIES && labels.some((label) => label !== OTHER))
      return this.at(labels.map(() => OTHER));
    const value = this.begin();
    this.#series.set(key, { labels, value });
    return value;
  }

  protected set(labels: Labels, value: T): void {
    this.#series.set(labels.join("\0"), { labels, value });
  }

  text(): string {
    const head = [`# HELP ${this.name} ${this.#help}`, `# TYPE ${this.name} ${this.type}`];
    const lines = [...this.#series.values()].flatMap(({ labels, value }) =>
      this.lines(value, labels.map((label, i) => `${this.#labelNames[i]}="${escaped(label)}"`).join(",")),
    );
    return `${[...head, ...lines].join("\n")}\n`;
  }
}

export interface Count {
  count: number;
}

export class Counter extends Metric<Count> {
  readonly type = "counter";

  add(labels: Labels, by = 1): void {
    this.at(labels).count += by;
  }

  protected begin(): Count {
    return { count: 0 };
  }

  protected lines({ count }: Count, labels: string): readonly string[] {
    return [`${this.name}${braced(labels)} ${count}`];
  }
}

/** A number that is known elsewhere: read when it is asked for. */
export class Reading extends Metric<number> {
  readonly type: "counter" | "gauge";

  constructor(type: "counter" | "gauge", name: string, help: string, labelNames: readonly string[] = []) {
    super(name, help, labelNames);
    this.type = type;
  }

  read(value: number, labels: Labels = []): void {
    this.set(labels, value);
  }

  protected begin(): number {
    return 0;
  }

  protected lines(value: number, labels: string): readonly string[] {
    return [`${this.name}${braced(labels)} ${value}`];
  }
}

export interface Distribution {
  /** By bucket, not cumulative; the last holds what is above all bounds. */
  readonly counts: number[];
  sum: number;
}

export class Histogram extends Metric<Distribution> {
  readonly type = "histogram";
  readonly #bounds: readonly number[];

  /** @param bounds Ascending, upper ends of the buckets, included. */
  constructor(name: string, help: string, labelNames: readonly string[], bounds: readonly number[]) {
    super(name, help, labelNames);
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    this.observeAt(this.at(labels), value);
  }

  observeAt(distribution: Distribution, value: number): void {
    const bounds = this.#bounds;
    let index = 0;
    // Once for every execution, request and commit: no closure.
    while (index < bounds.length && value > (bounds[index] as number)) index += 1;
    distribution.counts[index] = (distribution.counts[index] ?? 0) + 1;
    distribution.sum += value;
  }

  protected begin(): Distribution {
    return { counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 };
  }

  protected lines({ counts, sum }: Distribution, labels: string): readonly string[] {
    const prefix = labels === "" ? "" : `${labels},`;
    let total = 0;
    const buckets = counts.map((count, i) => {
      total += count;
      return `${this.name}_bucket{${prefix}le="${this.#bounds[i] ?? "+Inf"}"} ${total}`;
    });
    return [
      ...buckets,
      `${this.name}_sum${braced(labels)} ${sum}`,
      `${this.name}_count${braced(labels)} ${total}`,
    ];
  }
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
