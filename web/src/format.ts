// Numbers and names as people read them.
import type { Cell, Group, GroupValue, Metric } from "./types";
import { instant } from "./time";

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-GB", {
  notation: "compact",
  maximumSignificantDigits: 4,
});
const decimals = [0, 1, 2, 3, 4].map(
  (digits) => new Intl.NumberFormat("en-GB", { maximumFractionDigits: digits }),
);

const tenths = new Intl.NumberFormat("en-GB", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

const SUFFIXES: Record<string, string> = {
  ms: "ms",
  mb: "MB",
  kb: "kB",
  s: "s",
  pct: "%",
  percent: "%",
};

export const NOTHING = "–";

export function integer(value: number | null | undefined): string {
  return value === null || value === undefined ? NOTHING : whole.format(value);
}

/** About four significant digits; large ones in thousands, millions. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return NOTHING;
  }
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) {
    return Number.isFinite(value) ? value.toExponential(2) : compact.format(value);
  }
  if (size >= 1e7) {
    return compact.format(value);
  }
  const digits = size >= 1000 || Number.isInteger(value) ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
  return decimals[digits]!.format(value);
}

export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return NOTHING;
  }
  const share = value * 100;
  return `${share === 0 || share === 100 ? share : tenths.format(share)} %`;
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return NOTHING;
  }
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size === 0) {
    return "0 s";
  }
  if (size < 1) {
    return `${sign}${whole.format(size * 1000)} ms`;
  }
  if (size < 60) {
    return `${sign}${decimals[size < 10 ? 1 : 0]!.format(size)} s`;
  }
  const parts: [number, string][] = [
    [86400, "d"],
    [3600, "h"],
    [60, "m"],
    [1, "s"],
  ];
  const first = parts.findIndex(([unit]) => size >= unit);
  const [large, largeName] = parts[first]!;
  const [small, smallName] = parts[first + 1] ?? [1, "s"];
  const rest = Math.floor((size % large) / small);
  const head = `${sign}${whole.format(Math.floor(size / large))} ${largeName}`;
  return rest > 0 ? `${head} ${rest} ${smallName}` : head;
}

export function unitOf(metric: Metric): string {
  if (metric.unit) {
    return SUFFIXES[metric.unit] ?? metric.unit.replace(/_/g, " ");
  }
  const isValue = ["sum", "mean", "min", "max", "quantiles"].includes(metric.kind);
  const ending = /_([a-z]+)$/.exec(metric.column ?? "")?.[1] ?? "";
  return isValue ? (SUFFIXES[ending] ?? "") : "";
}

export type Format = (value: number | null | undefined) => string;

/** How the metric's first value is written. `share`: a ratio of two numbers of entities. */
export function formatOf(metric: Metric, share: boolean): Format {
  if (share) {
    return percent;
  }
  const unit = unitOf(metric);
  if (metric.kind === "min" || metric.kind === "max") {
    return (value) => withUnit(timeOrNumber(value), unit);
  }
  return (value) => withUnit(number(value), unit);
}

function withUnit(text: string, unit: string): string {
  return unit && text !== NOTHING ? `${text} ${unit}` : text;
}

/** The extremes of a time column are microseconds since 1970: of the years 1973 to 2286. */
function timeOrNumber(value: number | null | undefined): string {
  return value !== null && value !== undefined && value > 1e14 && value < 1e16
    ? instant(value / 1000)
    : number(value);
}

/** "daily_active_users": "Daily active users". */
export function title(name: string): string {
  const words = name.replace(/_/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function valueName(value: GroupValue | undefined): string {
  if (value === null || value === undefined) {
    return "(not set)";
  }
  return value === "" ? "(empty)" : String(value);
}

export function groupName(group: Group | undefined): string {
  const values = Object.values(group ?? {});
  return values.length === 0 ? "all" : values.map(valueName).join(" · ");
}

/** How far the number can be trusted, in a few words; empty: exact and complete. */
export function caveats(cell: Cell | undefined): string[] {
  const words: string[] = [];
  if (!cell) {
    return words;
  }
  if (!cell.exact) {
    words.push(cell.error ? `estimate ±${percent(cell.error)}` : "estimate");
  }
  if (cell.complete !== true) {
    words.push("still open");
  }
  if (cell.stale) {
    words.push("stale until a batch");
  }
  if (cell.folded) {
    words.push("small groups folded into (other)");
  }
  if (cell.pending_batch) {
    words.push("a key awaits the batch");
  }
  if (cell.generation === "batch") {
    words.push("from the batch");
  }
  return words;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
