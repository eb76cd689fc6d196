// The stream of /api/v1/live: what is followed, and what is done when it breaks.
//
//   connecting -> live <-> reconnecting
//
// The browser reconnects by itself and tells where it was (Last-Event-ID). It gives up when it is
// answered with an error (503: too many streams), and it never notices a line that has just gone
// silent: both are ours. Another instance means that the service was started again: what is known
// is dropped and asked for anew.
import { askMetrics } from "./api";
import { forgetHistory } from "./history";
import {
  alertsTopic,
  definitionsTopic,
  forgetCells,
  metric,
  putCells,
  putStatus,
  setLink,
  store,
} from "./store";
import type { Alert, Cell, Hello, Status } from "./types";

const SILENCE_MS = 6000; // a status comes each second
const AGAIN_MS = [500, 1000, 2000, 4000];
const WINDOWS = 60;
const GROUPS = 100;
const GROUPS_FILTERED = 200; // a chosen group may be a small one

let source: EventSource | null = null;
let followed: string[] = [];
let followedGroups = GROUPS;
let failures = 0;
let heard = 0;
let retry: number | undefined;
let askAgain: number | undefined;

function address(): string {
  const words = new URLSearchParams({ windows: String(WINDOWS), groups: String(followedGroups) });
  if (store.metrics && followed.length > 0 && followed.length < store.metrics.length) {
    words.set("metrics", followed.join(","));
  }
  return `api/v1/live?${words}`;
}

/** The metrics of the page that is shown; a stream that carries them goes on. */
export function follow(names: string[], isFiltered: boolean): void {
  const groups = isFiltered ? GROUPS_FILTERED : GROUPS;
  const carried =
    source && groups <= followedGroups && names.every((name) => followed.includes(name));
  if (carried) {
    return;
  }
  followed = names.length > 0 ? names : (store.metrics ?? []).slice(0, 1).map((one) => one.name);
  followedGroups = groups;
  open();
}

function open(): void {
  clearTimeout(retry);
  source?.close();
  const stream = new EventSource(address());
  source = stream;
  heard = performance.now();
  const on = <T>(name: string, take: (data: T) => void) =>
    stream.addEventListener(name, (event) => {
      heard = performance.now();
      take(JSON.parse((event as MessageEvent<string>).data) as T);
    });
  on<Hello>("hello", greet);
  on<Status>("status", (status) => {
    putStatus(status);
    setLink("live");
  });
  on<{ metric: string; cells: Cell[] }>("cells", (data) => putCells(data.metric, data.cells));
  on<Alert>("alert", (alert) => {
    store.alerts.set(alert.name, alert);
    alertsTopic.publish();
  });
  stream.addEventListener("bye", () => setLink("reconnecting"));
  stream.addEventListener("error", () => {
    setLink(store.status ? "reconnecting" : "connecting");
    if (stream.readyState === EventSource.CLOSED && stream === source) {
      source = null;
      openLater();
    }
  });
}

function openLater(): void {
  clearTimeout(retry);
  retry = window.setTimeout(
    () => void openAnew(),
    AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)],
  );
}

/** What is followed may be what was refused: another pipeline after a restart has other metrics. */
async function openAnew(): Promise<void> {
  await loadDefinitions();
  followed = followed.filter(metric);
  if (!source) {
    open();
  }
}

function greet(hello: Hello): void {
  const before = store.hello;
  store.hello = hello;
  failures = 0;
  if (before && before.instance !== hello.instance) {
    store.rates.length = 0;
    store.alerts.clear(); // each is told anew
    alertsTopic.publish();
    forgetCells();
    void loadDefinitions();
  }
  if (before && !hello.resumed) {
    forgetHistory();
  }
}

/** What is defined; again after each start of the service. */
async function loadDefinitions(): Promise<void> {
  try {
    store.metrics = await askMetrics();
    store.failure = "";
  } catch (error) {
    store.failure = error instanceof Error ? error.message : String(error);
    clearTimeout(askAgain);
    askAgain = window.setTimeout(() => void loadDefinitions(), 2000);
  }
  definitionsTopic.publish();
}

export function startLive(): void {
  void loadDefinitions();
  window.setInterval(() => {
    if (source && source.readyState !== EventSource.CLOSED && performance.now() - heard > SILENCE_MS) {
      setLink("reconnecting");
      open();
    }
  }, 1000);
}
