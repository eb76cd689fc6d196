// The span of time that is looked at, from the address and the events' own present.
import { useEffect, useState } from "preact/hooks";
import { drawnFrom } from "./history";
import { route, routeTopic } from "./route";
import { stepOf } from "./series";
import { eventNow, statusTopic } from "./store";
import { rangeMs, windowMs, type Span } from "./time";
import { useTopics } from "./topic";
import type { Metric } from "./types";

const STEPS = 400; // a range moves on by so small a part of itself
const MOVE_MS_MAX = 5000;

const ROUNDING_MS = 2; // the status has its time cut, and its ages rounded, to milliseconds

/** Behind the newest event, which may be the first of its window, but before the next second: a
 * window that has not begun must not be drawn. */
export function present(): number {
  return (Math.floor((eventNow() + ROUNDING_MS) / 1000) + 1) * 1000;
}

/** Changes with the address, and while it follows the events in small steps; at the latest when a
 * multiple of some seconds has passed, where a window may begin. */
export function useSpan(): Span {
  useTopics(routeTopic);
  const [now, setNow] = useState(present);
  useEffect(() => {
    const step = Math.min(rangeMs(route.range) / STEPS, MOVE_MS_MAX);
    const move = (before: number) => {
      const next = present();
      return Math.floor(next / step) === Math.floor(before / step) ? before : next;
    };
    setNow(present());
    return statusTopic.subscribe(() => setNow(move));
  }, [route.range]);
  if (route.fixed) {
    return { ...route.fixed, isFollowing: false };
  }
  return { from: now - rangeMs(route.range), to: now, isFollowing: true };
}

export interface Extent {
  from: number; // of the windows that are drawn
  to: number;
}

/** The part of time that a chart of this metric draws. */
export function extentOf(metric: Metric, span: Span, windowsMin: number): Extent {
  const step = windowMs(stepOf(metric));
  const from = Math.floor(drawnFrom(metric, span, windowsMin) / step) * step;
  return { from, to: span.to };
}
