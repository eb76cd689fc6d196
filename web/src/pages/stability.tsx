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

/** The first window of each version, by the metric with the shortest windows that shows it. */
export function releasesOf(metrics: Metric[]): Release[] {
  const found = new Map<string, Release & { step: number }>();
  for (const metric of metrics) {
    const column = versionColumn(metric);
    if (!column || metric.parts || metric.over) {
      continue;
    }
    const step = windowMs(stepOf(metric));
    let begin = Infinity;
    const first = new Map<string, number>();
    for (const cell of cells(metric.name)) {
      const version = cell.group?.[column];
      begin = Math.min(begin, cell.startMs);
      if (version !== null && version !== undefined) {
        first.set(String(version), Math.min(first.get(String(version)) ?? Infinity, cell.startMs));
      }
    }
    for (const [version, at] of first) {
      const known = found.get(version);
      const isFirst = at <= begin;
      const isBetter = !known || (known.isFirst === isFirst ? at < known.at : known.isFirst && step <= known.step);
      if (isBetter) {
        found.set(version, { version, at, metric: metric.name, isFirst, step });
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
  const ordered = [...trouble.filter(byVersion), ...trouble.filter((one) => !byVersion(one)), ...rest];
  return (
    <>
      <Releases releases={releases} />
      <div class="cards">
        {ordered.length === 0 && (
          <Empty>No metric here is about crashes or errors, and none is grouped by a version.</Empty>
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
