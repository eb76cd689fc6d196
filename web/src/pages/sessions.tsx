// Visits: how many, how long, how many of one event only.
import { useMemo } from "preact/hooks";
import { Lines } from "../charts/lines";
import { integer, number, percent, seconds } from "../format";
import { route } from "../route";
import { seriesOf, type Choice } from "../series";
import { topicOf } from "../store";
import { useTopics } from "../topic";
import { Card } from "../ui/card";
import { Empty } from "../ui/empty";
import { cellsIn, useView } from "../ui/metric";
import type { Cell, Metric } from "../types";

const bounceRate = (cell: Cell) => (cell.sessions ? (cell.bounced ?? 0) / cell.sessions : null);
const medianDuration = (cell: Cell) => cell.median_duration ?? null;
const eventsEach = (cell: Cell) => (cell.sessions ? (cell.events ?? 0) / cell.sessions : null);

function Figures({ all }: { all: Cell[] }) {
  const sum = (of: (cell: Cell) => number | undefined) =>
    all.reduce((total, cell) => total + (of(cell) ?? 0), 0);
  const sessions = sum((cell) => cell.sessions);
  const events = sum((cell) => cell.events);
  const time = sum((cell) => (cell.mean_duration ?? 0) * (cell.sessions ?? 0));
  const figures: [string, string][] = [
    ["sessions", integer(sessions)],
    ["events", integer(events)],
    ["events each", number(sessions > 0 ? events / sessions : null)],
    ["bounced", percent(sessions > 0 ? sum((cell) => cell.bounced) / sessions : null)],
    ["mean duration", seconds(sessions > 0 ? time / sessions : null)],
  ];
  return (
    <dl class="figures row">
      {figures.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-value={name}>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function One({ metric }: { metric: Metric }) {
  const { series, extent, step, notes } = useView(metric);
  const version = useTopics(topicOf(metric.name));
  const charts = useMemo(() => {
    const base: Choice = {
      from: extent.from,
      to: extent.to,
      groups: route.groups,
      linesMax: 6,
    };
    const of = (value: (cell: Cell) => number | null) => seriesOf(metric, { ...base, value });
    return [
      { name: "Sessions", series, format: integer },
      { name: "Median duration", series: of(medianDuration), format: seconds },
      { name: "Bounced", series: of(bounceRate), format: percent },
      { name: "Events each", series: of(eventsEach), format: number },
    ];
  }, [series, version]);
  if (series.lines.length === 0) {
    return (
      <Card metric={metric} notes={notes} wide>
        <Empty>No session began in this span of time.</Empty>
      </Card>
    );
  }
  return (
    <Card metric={metric} notes={notes} wide>
      <Figures all={cellsIn(series)} />
      <div class="pair">
        {charts.map((chart) => (
          <div key={chart.name}>
            <h3>{chart.name}</h3>
            <Lines
              {...chart}
              name={`${chart.name} of ${metric.name}`}
              step={step}
              from={extent.from}
              to={extent.to}
              bars={chart.name === "Sessions" && series.lines.length === 1}
              isExact={chart.name !== "Median duration"}
            />
          </div>
        ))}
      </div>
    </Card>
  );
}

export function Sessions({ metrics }: { metrics: Metric[] }) {
  const wanted = metrics.filter((metric) => metric.kind === "sessions");
  return (
    <div class="cards">
      {wanted.length === 0 && (
        <Empty>This pipeline defines no sessions: a metric of that kind appears here.</Empty>
      )}
      {wanted.map((metric) => (
        <One key={metric.name} metric={metric} />
      ))}
    </div>
  );
}
