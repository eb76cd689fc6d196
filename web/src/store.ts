// What the page knows: the definitions, the status, and of each metric the cells, by window and
// group.
import { Topic } from "./topic";
import type { Alert, Cell, Hello, Metric, Status } from "./types";

const CELLS_MAX = 30_000; // of one metric; the oldest windows leave
const RATES_MAX = 180; // seconds of events/s that are drawn

export type Link = "connecting" | "live" | "reconnecting";

export const definitionsTopic = new Topic();
export const statusTopic = new Topic();
export const linkTopic = new Topic();
export const alertsTopic = new Topic();

export interface Store {
  metrics: Metric[] | null; // null: not asked yet
  failure: string; // why there are none
  status: Status | null;
  hello: Hello | null;
  link: Link;
  rates: number[];
  alerts: Map<string, Alert>;
}

export const store: Store = {
  metrics: null,
  failure: "",
  status: null,
  hello: null,
  link: "connecting",
  rates: [],
  alerts: new Map(),
};

class MetricCells {
  readonly topic = new Topic();
  readonly cells = new Map<string, Cell>();
}

const metricCells = new Map<string, MetricCells>();
let messages = 0; // of cells, that the stream has told

function cellsOf(name: string): MetricCells {
  let found = metricCells.get(name);
  if (!found) {
    found = new MetricCells();
    metricCells.set(name, found);
  }
  return found;
}

export function topicOf(name: string): Topic {
  return cellsOf(name).topic;
}

export function cells(name: string): Iterable<Cell> {
  return cellsOf(name).cells.values();
}

export function metric(name: string): Metric | undefined {
  return store.metrics?.find((one) => one.name === name);
}

export function groupKey(cell: Cell): string {
  return JSON.stringify(Object.values(cell.group ?? {}));
}

function keyOf(cell: Cell): string {
  return cell.cohort ?? `${cell.start} ${cell.end} ${groupKey(cell)}`;
}

function put(name: string, list: Cell[], heard: number): void {
  if (list.length === 0) {
    return;
  }
  const into = cellsOf(name);
  for (const cell of list) {
    cell.startMs = Date.parse(cell.start ?? cell.cohort ?? "");
    cell.endMs = Date.parse(cell.end ?? cell.cohort ?? "");
    cell.heard = heard;
    into.cells.set(keyOf(cell), cell);
  }
  if (into.cells.size > CELLS_MAX) {
    dropOldest(into.cells);
  }
  into.topic.publish();
}

export function putCells(name: string, list: Cell[]): void {
  put(name, list, ++messages);
}

export function messagesHeard(): number {
  return messages;
}

/** The answer to a question that was asked when so many messages were heard: what the stream has
 *  told since is newer. A revision cannot say that: a window is completed without one. */
export function putPastCells(name: string, list: Cell[], heard: number): void {
  const known = cellsOf(name).cells;
  const older = list.filter((cell) => (known.get(keyOf(cell))?.heard ?? 0) <= heard);
  put(name, older, heard);
}

function dropOldest(map: Map<string, Cell>): void {
  const ends = [...map.values()].map((cell) => cell.endMs).sort((a, b) => a - b);
  const limit = ends[ends.length - Math.floor(CELLS_MAX * 0.8)] ?? -Infinity;
  for (const [key, cell] of map) {
    if (cell.endMs < limit) {
      map.delete(key);
    }
  }
}

/** Another start of the service: nothing of before is known to hold. */
export function forgetCells(): void {
  for (const known of metricCells.values()) {
    known.cells.clear();
    known.topic.publish();
  }
}

export function setLink(link: Link): void {
  if (store.link !== link) {
    store.link = link;
    linkTopic.publish();
  }
}

export function putStatus(status: Status): void {
  store.status = status;
  if (status.events_per_second !== null) {
    store.rates.push(status.events_per_second);
  }
  if (store.rates.length > RATES_MAX) {
    store.rates.shift();
  }
  statusTopic.publish();
}

/** The events' own present: the newest one's time, if it is not ahead of the clock; before there is
 * one, the clock. */
export function eventNow(): number {
  const status = store.status;
  const age = Math.max(0, status?.freshness.newest_event_age_s ?? 0);
  return status ? Date.parse(status.time) - age * 1000 : Date.now();
}

export function closing(): number {
  const text = store.status?.freshness.closing;
  return text ? Date.parse(text) : -Infinity;
}
