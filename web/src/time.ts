// Windows, ranges and how times are written. All in UTC, as the service counts; only the days, weeks
// and months of a metric that has a time zone are called as they are there.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS: Record<string, number> = {
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
  mo: 30 * DAY,
};

/** "30s", "1d", "1mo" in milliseconds; a month is about 30 days. */
export function windowMs(text: string | undefined): number {
  const match = /^(\d+)(ms|s|m|h|d|w|mo)$/.exec(text ?? "");
  return match ? Number(match[1]) * (UNITS[match[2]!] ?? DAY) : DAY;
}

/** Whether each window is as long as the others, so that a missing one can be told. */
export function isRegular(every: string | undefined, timezone: string | undefined): boolean {
  return (
    every !== undefined && !every.endsWith("mo") && (timezone === undefined || timezone === "UTC")
  );
}

const WORDS: Record<string, string> = {
  "1s": "every second",
  "1m": "every minute",
  "1h": "hourly",
  "1d": "daily",
  "1w": "weekly",
  "1mo": "monthly",
};

export function cadence(every: string | undefined, over: string | undefined): string {
  if (every === undefined) {
    return "";
  }
  const step = WORDS[every] ?? `every ${every}`;
  return over ? `last ${over}, ${step}` : step;
}

const pad = (number: number) => String(number).padStart(2, "0");

export function clock(ms: number, withSeconds = true): string {
  const date = new Date(ms);
  const text = `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
  return withSeconds ? `${text}:${pad(date.getUTCSeconds())}` : text;
}

const zones = new Map<string, Intl.DateTimeFormat | null>();

function formatIn(zone: string): Intl.DateTimeFormat | null {
  let found = zones.get(zone);
  if (found === undefined) {
    try {
      const style = { dateStyle: "short", timeStyle: "medium" } as const; // 2026-03-01 23:59:59
      found = new Intl.DateTimeFormat("sv-SE", { ...style, timeZone: zone });
    } catch {
      found = null; // a zone that the browser does not know
    }
    zones.set(zone, found);
  }
  return found;
}

export function knownZone(zone: string | undefined): string {
  return zone !== undefined && formatIn(zone) ? zone : "Etc/UTC";
}

/** What the clocks of the zone show at that moment, as if it were UTC. */
export function local(ms: number, zone: string | undefined): number {
  const found = zone === undefined || zone === "UTC" ? null : formatIn(zone);
  return found ? Date.parse(`${found.format(ms).replace(" ", "T")}Z`) : ms;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export function day(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** A window by its start, as long as is needed to tell it from its neighbours. */
export function windowName(startMs: number, sizeMs: number, zone?: string): string {
  if (sizeMs >= DAY) {
    return day(local(startMs, zone));
  }
  return `${day(startMs)}, ${clock(startMs, sizeMs < MINUTE)}`;
}

export function instant(ms: number): string {
  return `${day(ms)} ${new Date(ms).getUTCFullYear()}, ${clock(ms)} UTC`;
}

export const RANGES = ["15m", "1h", "6h", "24h", "7d", "all"] as const;
export type Range = (typeof RANGES)[number];
export const RANGE_DEFAULT: Range = "1h";

export function rangeMs(range: Range): number {
  return range === "all" ? Infinity : windowMs(range);
}

export interface Span {
  from: number;
  to: number;
  isFollowing: boolean;
}
