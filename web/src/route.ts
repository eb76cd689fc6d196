// The state of the page is its address: #/page?range=1h&g.region=eu-west. Behind the "#": it is
// the browser's own business, and the service needs no route for each page.
import { RANGES, RANGE_DEFAULT, rangeMs, type Range } from "./time";
import { Topic } from "./topic";

export const PAGES = [
  "overview",
  "funnels",
  "retention",
  "sessions",
  "performance",
  "stability",
  "quality",
] as const;
export type Page = (typeof PAGES)[number] | "metric";

export interface Route {
  page: Page;
  metric: string; // of the page "metric"
  range: Range;
  fixed: { from: number; to: number } | null; // null: follows the events
  groups: Record<string, string[]>; // column: values that are shown
  picks: Record<string, string>; // what a card shows: of a metric, a group
}

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z)?$/;

function readTime(text: string | null): number {
  return text !== null && ISO.test(text) ? Date.parse(text) : NaN;
}

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first = "", second = ""] = path.split("/");
  const words = new URLSearchParams(query);
  const known = (PAGES as readonly string[]).includes(first) || first === "metric";
  const range = words.get("range") as Range | null;
  const from = readTime(words.get("from"));
  const to = readTime(words.get("to"));
  const route: Route = {
    page: known ? (first as Page) : "overview",
    metric: decode(second),
    range: range !== null && RANGES.includes(range) ? range : RANGE_DEFAULT,
    fixed: from < to ? { from, to } : null,
    groups: Object.create(null) as Route["groups"], // a column may be called "constructor"
    picks: Object.create(null) as Route["picks"],
  };
  for (const [key, value] of words) {
    if (key.startsWith("g.")) {
      (route.groups[key.slice(2)] ??= []).push(value);
    } else if (key.startsWith("pick.")) {
      route.picks[key.slice(5)] = value;
    }
  }
  return route;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function format(route: Route): string {
  const words = new URLSearchParams();
  if (route.fixed) {
    words.set("from", new Date(route.fixed.from).toISOString());
    words.set("to", new Date(route.fixed.to).toISOString());
  }
  if (route.range !== RANGE_DEFAULT) {
    words.set("range", route.range);
  }
  for (const [column, values] of Object.entries(route.groups)) {
    values.forEach((value) => words.append(`g.${column}`, value));
  }
  for (const [name, group] of Object.entries(route.picks)) {
    words.set(`pick.${name}`, group);
  }
  const page = route.page === "overview" ? "" : route.page;
  const path = route.page === "metric" ? `metric/${encodeURIComponent(route.metric)}` : page;
  const query = words.toString();
  return `#/${path}${query ? `?${query}` : ""}`;
}

export const routeTopic = new Topic();
export let route: Route = parse("");

export function startRouter(): void {
  route = parse(location.hash);
  window.addEventListener("hashchange", () => {
    route = parse(location.hash);
    routeTopic.publish();
  });
}

/** The address with a change; picks belong to their page and stay behind. */
export function href(change: Partial<Route>): string {
  const stays = change.page === undefined || change.page === route.page;
  return format({ ...route, ...(stays ? {} : { picks: {} }), ...change });
}

export function go(change: Partial<Route>, how: "push" | "replace" = "push"): void {
  const address = href(change);
  if (address === location.hash) {
    return;
  }
  history[how === "push" ? "pushState" : "replaceState"](null, "", address);
  route = parse(address);
  routeTopic.publish();
}

/** The same range, earlier (-1) or later (1) by half of itself. */
export function shift(direction: -1 | 1, now: number): void {
  const length = route.fixed ? route.fixed.to - route.fixed.from : rangeMs(route.range);
  if (!Number.isFinite(length)) {
    return;
  }
  const to = (route.fixed ? route.fixed.to : now) + (direction * length) / 2;
  go({ fixed: to >= now ? null : { from: to - length, to } });
}
