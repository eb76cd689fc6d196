// Questions to the service. Addresses are relative: the page may stand below any path of a proxy.
import type { Cell, Metric, Quality } from "./types";

const TRIES = 4;
const PATIENCE_MS = 60_000; // a line that went silent must not hold its place for ever

export class Failure extends Error {}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask<T>(path: string): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const reply = await fetch(path, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (reply.ok) {
      return (await reply.json()) as T;
    }
    if (reply.status !== 503 || attempt === TRIES) {
      const problem = (await reply.json().catch(() => ({}))) as { detail?: string };
      throw new Failure(problem.detail ?? `${path} answered ${reply.status}`);
    }
    await wait(1000 * Number(reply.headers.get("Retry-After") ?? 1));
  }
}

export async function askMetrics(): Promise<Metric[]> {
  return (await ask<{ metrics: Metric[] }>("api/v1/metrics")).metrics;
}

export async function askCells(name: string, words: Record<string, string>): Promise<Cell[]> {
  const query = new URLSearchParams(words).toString();
  const path = `api/v1/metrics/${encodeURIComponent(name)}${query ? `?${query}` : ""}`;
  return (await ask<{ cells: Cell[] }>(path)).cells;
}

export function askQuality(): Promise<Quality> {
  return ask<Quality>("api/v1/quality");
}
