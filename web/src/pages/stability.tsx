// What goes wrong, by version. A version's release is the first window in which it is seen by any
// metric that is grouped by it; it is drawn into every chart.
import { useMemo } from "preact/hooks";
import { title } from "../format";
import { isAdditive, stepOf } from "../series";
import { cells, topicOf } from "../store";
import { instant, windowMs } from "../time";
import { useTopics } from "../topic";
import { Empty } from "../ui/empty";
import { MetricCard } from "../ui/metric";
import type { Mark } from "../charts/plot";
import type { Metric } from "../types";

const TROUBLE = /crash|error|fatal|exception|fail/i;
const VERSION = /(^|_)(version|release|build)$/;
const VERSIONS_MAX = 12;
const STRAY = 0.02; // of the fullest window
const SHARE = 0.01; // of its window

export function versionColumn(metric: Metric): string | undefined {
  return metric.by.find((column) => VERSION.test(column));
}

export function isTrouble(metric: Metric): boolean {
  return TROUBLE.test(`${metric.name} ${metric.where_sql ?? ""} ${(metric.parts ?? []).join(" ")}`);
}

export interface Release {
  version: string;
  at: number;
  metric: string;
  isFirst: boolean; // it was there when the data begins: no release was seen
}

interface Seen {
  metric: string;
  step: number;
  begin: number;
  first: Map<string, number>; // version: start of its first window
}

/** By window, what each version has of it. */
function sharesOf(metric: Metric, column: string): Map<number, Map<string, number>> {
  const windows = new Map<number, Map<string, number>>();
  for (const cell of cells(metric.name)) {
    const version = String(cell.group?.[column] ?? "");
    const of = windows.get(cell.startMs) ?? new Map<string, number>();
    of.set(version, (of.get(version) ?? 0) + (cell.value ?? cell.count ?? 1));
    windows.set(cell.startMs, of);
  }
  return windows;
}

/** Events of wrong clocks are everywhere: windows with hardly anything in them begin nothing, and a
 * version is there once it has a share of a window. */
function seenBy(metric: Metric, column: string): Seen {
  const windows = sharesOf(metric, column);
  const total = (of: Map<string, number>) => [...of.values()].reduce((sum, one) => sum + one, 0);
  const least = Math.max(0, ...[...windows.values()].map(total)) * STRAY;
  const seen: Seen = {
    metric: metric.name,
    step: windowMs(stepOf(metric)),
    begin: Infinity,
    first: new Map(),
  };
  for (const [start, of] of [...windows].sort(([a], [b]) => a - b)) {
    const sum = total(of);
    if (sum < least) {
      continue;
    }
    seen.begin = Math.min(seen.begin, start);
    for (const [version, value] of of) {
      if (version !== "" && value >= sum * SHARE && !seen.first.has(version)) {
        seen.first.set(version, start);
      }
    }
  }
  return seen;
}

/** The first window of each version, by the longest windows, and inside of it by shorter ones. A
 * metric of crashes tells when a version first crashed: it is asked only where no other one is. */
export function releasesOf(metrics: Metric[]): Release[] {
  const usable = metrics.filter((one) => versionColumn(one) && !one.parts && !one.over);
  const calm = usable.filter((one) => !isTrouble(one));
  const seen = (calm.length > 0 ? calm : usable).map((one) => seenBy(one, versionColumn(one)!));
  const found = new Map<string, Release & { step: number }>();
  for (const { metric, step, begin, first } of seen.sort((a, b) => b.step - a.step)) {
    for (const [version, at] of first) {
      const known = found.get(version);
      if (!known || (step < known.step && at >= known.at && at < known.at + known.step)) {
        found.set(version, { version, at, metric, step, isFirst: at <= begin });
      } else if (at < known.at) {
        found.set(version, { ...known, at, metric, isFirst: at <= begin });
      }
    }
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}

function useReleases(metrics: Metric[]): Release[] {
  const versioned = metrics.filter((metric) => versionColumn(metric) !== undefined);
  const version = useTopics(...versioned.map((metric) => topicOf(metric.name)));
  return useMemo(() => releasesOf(versioned), [version, metrics]);
}

function Releases({ releases }: { releases: Release[] }) {
  const seen = releases.filter((release) => !release.isFirst);
  if (releases.length === 0) {
    return null;
  }
  return (
    <section class="releases" aria-labelledby="releases">
      <h2 id="releases">Releases seen</h2>
      {seen.length === 0 ? (
        <p class="small">
          {releases.map((release) => release.version).join(", ")}: there since the data begins.
        </p>
      ) : (
        <ol>
          {seen.slice(-VERSIONS_MAX).map((release) => (
            <li key={release.version} data-release={release.version}>
              <b>{release.version}</b> first in the window of {instant(release.at)}
              <span class="small"> by {title(release.metric)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

export function Stability({ metrics }: { metrics: Metric[] }) {
  const releases = useReleases(metrics);
  const marks: Mark[] = releases
    .filter((release) => !release.isFirst)
    .slice(-VERSIONS_MAX)
    .map((release) => ({ at: release.at, label: release.version }));
  const trouble = metrics.filter(isTrouble);
  const rest = metrics.filter(
    (metric) => !isTrouble(metric) && versionColumn(metric) && metric.kind !== "quantiles",
  );
  const byVersion = (metric: Metric) => versionColumn(metric) !== undefined;
  const ordered = [
    ...trouble.filter(byVersion),
    ...trouble.filter((one) => !byVersion(one)),
    ...rest,
  ];
  return (
    <>
      <Releases releases={releases} />
      <div class="cards">
        {ordered.length === 0 && (
          <Empty>
            No metric here is about crashes or errors, and none is grouped by a version.
          </Empty>
        )}
        {ordered.map((metric) => {
          const column = isAdditive(metric) ? versionColumn(metric) : undefined;
          return (
            <MetricCard
              key={metric.name}
              metric={metric}
              marks={marks}
              height={180}
              linesMax={8}
              {...(column ? { column } : {})}
            />
          );
        })}
      </div>
    </>
  );
}
