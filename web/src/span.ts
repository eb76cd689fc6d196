// The span of time that is looked at, from the address and the events' own present.
import { useEffect, useState } from "preact/hooks";
import { drawnFrom } from "./history";
import { route, routeTopic, type Route } from "./route";
import { stepOf } from "./series";
import { eventNow, statusTopic } from "./store";
import { rangeMs, windowMs, type Span } from "./time";
import { useTopics } from "./topic";
import type { Metric } from "./types";

const STEPS = 400; // a range moves on by so small a part of itself

function present(at: Route): number {
  const quantum = Math.max(1000, Math.min(rangeMs(at.range), 86_400_000) / STEPS);
  return Math.ceil(eventNow() / quantum) * quantum;
}

/** Changes with the address, and while it follows the events in small steps. */
export function useSpan(): Span {
  useTopics(routeTopic);
  const [now, setNow] = useState(() => present(route));
  useEffect(() => {
    setNow(present(route));
    return statusTopic.subscribe(() => setNow(present(route)));
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
