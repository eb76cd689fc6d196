// From cells to what is drawn: windows in order, and a line for each of the largest groups.
import { cells, closing, eventNow, groupKey, metric as findMetric } from "./store";
import { isRegular, windowMs } from "./time";
import { WINDOWS_MAX } from "./history";
import type { Cell, Group, Kind, Metric } from "./types";
import { groupName, valueName } from "./format";
import { SERIES_COLORS } from "./theme";

export interface Line {
  key: string;
  label: string;
  group: Group;
  cells: (Cell | undefined)[]; // by window
  values: (number | null)[];
  weight: number; // by which lines are ordered
}

export interface Series {
  starts: number[]; // of windows, ascending; of sliding ones, their last step
  ends: number[];
  isComplete: boolean[];
  lines: Line[];
  hidden: number; // lines beyond the largest
  zone: string | undefined; // in which its days are days
}

export interface Choice {
  from: number;
  to: number;
  groups: Record<string, string[]>;
  linesMax: number;
  rest?: boolean; // the lines beyond the largest as one more: of counts, which add up
  column?: string; // roll up to this one: of kinds that add up
  value?: (cell: Cell) => number | null;
}

const REST = "rest";
const ADDITIVE: Kind[] = ["count", "sum"];
const ZERO_WHEN_ABSENT: Kind[] = ["count", "distinct", "approx_distinct"];

export function isAdditive(metric: Metric): boolean {
  return ADDITIVE.includes(metric.kind);
}

export function isShare(metric: Metric): boolean {
  const kinds = metric.parts?.map((name) => findMetric(name)?.kind) ?? [];
  return (
    kinds.length === 2 && kinds.every((kind) => kind === "distinct" || kind === "approx_distinct")
  );
}

/** The length of a step. Of a ratio it is that of its first part. */
export function stepOf(metric: Metric): string | undefined {
  return metric.every ?? (metric.parts ? findMetric(metric.parts[0])?.every : undefined);
}

export function zoneOf(metric: Metric): string | undefined {
  return metric.timezone ?? (metric.parts ? findMetric(metric.parts[0])?.timezone : undefined);
}

/** How far a window reaches back before its last step, in ms. */
export function reachOf(metric: Metric): number {
  const parts = metric.parts?.map((name) => findMetric(name)) ?? [];
  return Math.max(0, ...[metric, ...parts].map((one) => (one?.over ? windowMs(one.over) : 0)));
}

export function mainValue(cell: Cell): number | null {
  if (cell.value !== undefined) {
    return cell.value;
  }
  if (cell.sessions !== undefined) {
    return cell.sessions;
  }
  if (cell.entered !== undefined) {
    return cell.entered > 0 ? (cell.completed ?? 0) / cell.entered : null;
  }
  const quantiles = Object.values(cell.quantiles ?? {});
  return quantiles[0] ?? null;
}

function weightOf(cell: Cell): number {
  return cell.value ?? cell.count ?? cell.sessions ?? cell.entered ?? 0;
}

export function isShown(cell: Cell, groups: Record<string, string[]>): boolean {
  return Object.entries(groups).every(([column, values]) => {
    const isGrouped = Object.hasOwn(cell.group ?? {}, column);
    return values.length === 0 || !isGrouped || values.includes(String(cell.group![column]));
  });
}

/** Columns of the choice that the metric is not grouped by. */
export function blindTo(metric: Metric, groups: Record<string, string[]>): string[] {
  return Object.keys(groups).filter((column) => !metric.by.includes(column));
}

function stepStart(cell: Cell, metric: Metric, step: number): number {
  return metric.over || metric.parts ? Math.max(cell.startMs, cell.endMs - step) : cell.startMs;
}

interface Gathered {
  windows: Map<number, { end: number; isComplete: boolean }>;
  lines: Map<string, { group: Group; cells: Map<number, Cell> }>;
}

function gather(metric: Metric, choice: Choice, step: number): Gathered {
  const found: Gathered = { windows: new Map(), lines: new Map() };
  for (const cell of cells(metric.name)) {
    const start = stepStart(cell, metric, step);
    const end = cell.endMs;
    if (end <= choice.from || start >= choice.to || !isShown(cell, choice.groups)) {
      continue;
    }
    const window = found.windows.get(start);
    const isComplete = cell.complete === true && (window?.isComplete ?? true);
    found.windows.set(start, { end, isComplete });
    addCell(found, choice, cell, start);
  }
  return found;
}

function addCell(found: Gathered, choice: Choice, cell: Cell, start: number): void {
  const rolled = choice.column !== undefined && Object.keys(cell.group ?? {}).length > 1;
  const value = choice.column === undefined ? null : (cell.group?.[choice.column] ?? null);
  const key = rolled ? JSON.stringify([value]) : groupKey(cell);
  let line = found.lines.get(key);
  if (!line) {
    const group = rolled ? { [choice.column!]: value } : (cell.group ?? {});
    line = { group, cells: new Map() };
    found.lines.set(key, line);
  }
  const there = line.cells.get(start);
  line.cells.set(start, there && rolled ? added(there, cell, line.group) : cell);
}

function added(left: Cell, right: Cell, group: Group): Cell {
  return {
    ...left,
    group,
    value: (left.value ?? 0) + (right.value ?? 0),
    exact: left.exact && right.exact,
    complete: left.complete === true && right.complete === true,
    revision: left.revision + right.revision,
  };
}

/** Windows without events are not told: where all are equally long they are put in, as zeros up to
 *  the events' present, or as gaps between the others. */
function fillWindows(
  found: Gathered,
  metric: Metric,
  choice: Choice,
  step: number,
  zero: boolean,
): void {
  if (found.windows.size === 0 || !isRegular(stepOf(metric), metric.timezone)) {
    return;
  }
  const starts = [...found.windows.keys()];
  const first = starts.reduce((least, start) => Math.min(least, start));
  const newest = starts.reduce((most, start) => Math.max(most, start)) + 1;
  const isToPresent = zero && (metric.by.length > 0 || !metric.over);
  const last = isToPresent ? Math.max(newest, Math.min(choice.to, eventNow())) : newest;
  const closed = closing();
  let room = WINDOWS_MAX;
  for (let start = first; start < last && room > 0; start += step, room--) {
    if (!found.windows.has(start)) {
      found.windows.set(start, { end: start + step, isComplete: start + step <= closed });
    }
  }
}

export function seriesOf(metric: Metric, choice: Choice): Series {
  const step = windowMs(stepOf(metric));
  const value = choice.value ?? mainValue;
  const found = gather(metric, choice, step);
  const zero = ZERO_WHEN_ABSENT.includes(metric.kind) && choice.value === undefined;
  fillWindows(found, metric, choice, step, zero);
  let starts = [...found.windows.keys()].sort((a, b) => a - b);
  starts = starts.slice(-WINDOWS_MAX);
  const lines = [...found.lines].map(([key, line]) => ({
    key,
    label: labelOf(metric, line.group),
    group: line.group,
    cells: starts.map((start) => line.cells.get(start)),
    values: starts.map((start) => {
      const cell = line.cells.get(start);
      return cell ? value(cell) : zero ? 0 : null;
    }),
    weight: [...line.cells.values()].reduce((sum, cell) => sum + weightOf(cell), 0),
  }));
  lines.sort((a, b) => b.weight - a.weight || (a.label < b.label ? -1 : 1));
  const shown = lines.slice(0, choice.linesMax);
  const others = lines.slice(choice.linesMax);
  const isSummed = choice.rest === true && others.length > 0;
  return {
    starts,
    ends: starts.map((start) => found.windows.get(start)!.end),
    isComplete: starts.map((start) => found.windows.get(start)!.isComplete),
    lines: isSummed ? [...shown, restOf(others, starts)] : shown,
    hidden: isSummed ? 0 : others.length,
    zone: zoneOf(metric),
  };
}

/** Of the colours of series; what was put together has the last one, which is grey. */
export function colorIndex(line: Line, index: number): number {
  return line.key === REST ? SERIES_COLORS - 1 : index;
}

function restOf(lines: Line[], starts: number[]): Line {
  return {
    key: REST,
    label: `${lines.length} smaller`,
    group: {},
    cells: starts.map(() => undefined),
    values: starts.map((_, at) => lines.reduce((sum, line) => sum + (line.values[at] ?? 0), 0)),
    weight: 0,
  };
}

function labelOf(metric: Metric, group: Group): string {
  const columns = Object.keys(group);
  if (columns.length === 1 && typeof group[columns[0]!] === "boolean") {
    return `${columns[0]!.replace(/_/g, " ")}: ${valueName(group[columns[0]!])}`;
  }
  return metric.by.length === 0 ? "all" : groupName(group);
}

export function lastValue(line: Line | undefined): { value: number | null; index: number } {
  if (line) {
    for (let index = line.values.length - 1; index >= 0; index--) {
      if (line.values[index] !== null && line.values[index] !== undefined) {
        return { value: line.values[index]!, index };
      }
    }
  }
  return { value: null, index: -1 };
}

/** All values of the columns by which metrics are grouped, as far as cells were seen. */
export function groupValues(metrics: Metric[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const metric of metrics) {
    for (const column of metric.by) {
      const values = found.get(column) ?? new Set();
      found.set(column, values);
      for (const cell of cells(metric.name)) {
        const value = cell.group?.[column];
        if (value !== null && value !== undefined && values.size < 200) {
          values.add(String(value));
        }
      }
    }
  }
  return found;
}
