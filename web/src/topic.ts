// Something that changes and is looked at. Whoever looks is told at once when it was quiet, and
// then at most once in REST_MS, however often it changes.
import { useLayoutEffect, useReducer } from "preact/hooks";

const REST_MS = 120;

export class Topic {
  version = 0;
  private readonly listeners = new Set<() => void>();
  private timer: number | undefined;
  private isDirty = false;

  publish(): void {
    this.version++;
    this.isDirty = true;
    if (this.timer === undefined) {
      this.timer = window.setTimeout(() => this.tell(), 0);
    }
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(): void {
    if (!this.isDirty) {
      this.timer = undefined;
      return;
    }
    this.isDirty = false;
    this.timer = window.setTimeout(() => this.tell(), REST_MS);
    for (const listener of [...this.listeners]) {
      listener();
    }
  }
}

/** Draws the component again when one of the topics changes; the sum of their versions. It listens
 *  before the page is painted: what is told in between would never be drawn. */
export function useTopics(...topics: Topic[]): number {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => {
    const ends = topics.map((topic) => topic.subscribe(() => redraw(undefined)));
    return () => ends.forEach((end) => end());
  }, topics);
  return topics.reduce((sum, topic) => sum + topic.version, 0);
}
