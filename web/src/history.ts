// Windows older than those that the stream follows are asked for: once for each metric and span,
// and again now and then, because late events revise them.
import { useEffect } from "preact/hooks";
import { askCells } from "./api";
import { messagesHeard, putPastCells, topicOf } from "./store";
import { reachOf, stepOf } from "./series";
import { windowMs, type Span } from "./time";
import { Topic, useTopics } from "./topic";
import type { Metric } from "./types";

export const WINDOWS_MAX = 400; // that one chart draws
const AT_ONCE = 4;
const AGE_MS = 60_000;

interface Loaded {
  from: number;
  to: number; // Infinity: up to now
  at: number;
}

const loaded = new Map<string, Loaded>();
const forgotten = new Topic();
const failures = new Map<string, string>();
const queue: (() => Promise<void>)[] = [];
let running = 0;

function enqueue(work: () => Promise<void>): void {
  queue.push(work);
  pump();
}

function pump(): void {
  while (running < AT_ONCE && queue.length > 0) {
    running++;
    void queue.shift()!().finally(() => {
      running--;
      pump();
    });
  }
}

export function forgetHistory(): void {
  loaded.clear();
  forgotten.publish();
}

/** Where the metric's drawn windows begin: in the span, but never fewer than a handful of windows,
 * and never more than can be drawn. */
export function drawnFrom(metric: Metric, span: Span, windowsMin: number): number {
  const step = windowMs(stepOf(metric));
  const wanted = Math.min(span.from, span.to - windowsMin * step);
  return Math.max(wanted, span.to - WINDOWS_MAX * step);
}

async function load(metric: Metric, wanted: Loaded): Promise<void> {
  try {
    const words: Record<string, string> = {};
    if (Number.isFinite(wanted.from)) {
      // A sliding window starts before its last step does.
      words.from = new Date(wanted.from - reachOf(metric)).toISOString();
    }
    if (Number.isFinite(wanted.to)) {
      words.to = new Date(wanted.to).toISOString();
    }
    const heard = messagesHeard();
    const list = await askCells(metric.name, words);
    failures.delete(metric.name);
    putPastCells(metric.name, list, heard);
    topicOf(metric.name).publish();
  } catch (error) {
    loaded.delete(metric.name);
    failures.set(metric.name, error instanceof Error ? error.message : String(error));
    topicOf(metric.name).publish();
  }
}

/** Why the metric's past could not be had; empty: it could. */
export function historyFailure(name: string): string {
  return failures.get(name) ?? "";
}

function ensure(metric: Metric, from: number, to: number): void {
  const wanted: Loaded = { from: from - windowMs(stepOf(metric)), to, at: performance.now() };
  const have = loaded.get(metric.name);
  const isThere =
    have !== undefined && have.from <= from && have.to >= to && wanted.at - have.at < AGE_MS;
  if (!isThere) {
    loaded.set(metric.name, wanted);
    enqueue(() => load(metric, wanted));
  }
}

/** Sees to it that the metric's cells of the span are in the store. */
export function useHistory(metric: Metric, from: number, span: Span): void {
  const version = useTopics(forgotten);
  const to = span.isFollowing ? Infinity : span.to;
  const step = windowMs(stepOf(metric));
  const coarse = Number.isFinite(from) ? Math.floor(from / step) * step : from;
  useEffect(() => {
    ensure(metric, coarse, to);
    const timer = window.setInterval(() => ensure(metric, coarse, to), AGE_MS / 4);
    return () => window.clearInterval(timer);
  }, [metric, coarse, to, version]);
}
