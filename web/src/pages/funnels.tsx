// Each funnel over the range: where runs stop, how conversion moves, how long it takes.
import { useMemo } from "preact/hooks";
import { addSteps, Funnel } from "../charts/funnel";
import { Lines } from "../charts/lines";
import { integer, percent, seconds } from "../format";
import { mainValue, seriesOf, type Choice, type Line, type Series } from "../series";
import { route } from "../route";
import { topicOf } from "../store";
import { DAY, windowName } from "../time";
import { useTopics } from "../topic";
import { Card } from "../ui/card";
import { Empty } from "../ui/empty";
import { cellsIn, useView } from "../ui/metric";
import type { Cell, Metric } from "../types";

function Figures({ all }: { all: Cell[] }) {
  const sum = (of: (cell: Cell) => number | undefined) =>
    all.reduce((total, cell) => total + (of(cell) ?? 0), 0);
  const entered = sum((cell) => cell.entered);
  const completed = sum((cell) => cell.completed);
  const time = sum((cell) => (cell.mean_time ?? 0) * (cell.completed ?? 0));
  const figures: [string, string, string][] = [
    ["conversion", percent(entered > 0 ? completed / entered : null), "conversion"],
    ["entered", integer(entered), "entered"],
    ["completed", integer(completed), "completed"],
    ["may go on", integer(sum((cell) => cell.open)), "open"],
    ["without a first step", integer(sum((cell) => cell.unmatched)), "unmatched"],
    ["mean time to convert", seconds(completed > 0 ? time / completed : null), "mean_time"],
  ];
  return (
    <dl class="figures row">
      {figures.map(([name, text, key]) => (
        <div key={key}>
          <dt>{name}</dt>
          <dd data-value={key}>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

const medianTime = (cell: Cell) => cell.median_time ?? null;
const meanTime = (cell: Cell) => cell.mean_time ?? null;

/** The mean and the median of the largest line, as two lines. */
export function twoOf(left: Series, right: Series, names: [string, string]): Series {
  const of = (series: Series, label: string): Line[] =>
    series.lines.slice(0, 1).map((line) => ({ ...line, key: label, label, group: {} }));
  return { ...left, lines: [...of(left, names[0]), ...of(right, names[1])], hidden: 0 };
}

function together(series: Series): string {
  const [first, last] = [series.starts[0]!, series.starts[series.starts.length - 1]!];
  const name = (start: number) => windowName(start, DAY, series.zone);
  return first === last ? name(first) : `${name(first)} to ${name(last)}`;
}

function One({ metric }: { metric: Metric }) {
  const { series, extent, step, notes } = useView(metric, { linesMax: 500 });
  const version = useTopics(topicOf(metric.name));
  const all = cellsIn(series);
  const [conversion, times] = useMemo(() => {
    const base: Choice = {
      from: extent.from,
      to: extent.to,
      groups: route.groups,
      linesMax: 6,
    };
    return [
      seriesOf(metric, { ...base, value: mainValue }),
      twoOf(
        seriesOf(metric, { ...base, value: meanTime }),
        seriesOf(metric, { ...base, value: medianTime }),
        ["mean", "median, ±1 %"],
      ),
    ];
  }, [series, version]);
  const steps = addSteps(all.map((cell) => cell.steps ?? []));
  if (steps.length === 0) {
    return (
      <Card metric={metric} notes={notes} wide>
        <Empty>No run of this funnel began in this span of time.</Empty>
      </Card>
    );
  }
  const at = { step, from: extent.from, to: extent.to, height: 140 };
  const told = [`${together(series)} together`, ...notes];
  return (
    <Card metric={metric} notes={told} wide>
      <Figures all={all} />
      <div class="scroll" tabIndex={0} role="region" aria-label={`${metric.name}, by step`}>
        <Funnel name={metric.name} steps={steps} />
      </div>
      <div class="pair">
        <div>
          <h3>Conversion</h3>
          <Lines
            name={`conversion of ${metric.name}`}
            series={conversion}
            format={percent}
            isPlain={conversion.lines.length === 1}
            isExact
            {...at}
          />
        </div>
        <div>
          <h3>Time to convert</h3>
          <Lines
            name={`time to convert of ${metric.name}`}
            series={times}
            format={seconds}
            {...at}
          />
        </div>
      </div>
    </Card>
  );
}

export function Funnels({ metrics }: { metrics: Metric[] }) {
  const funnels = metrics.filter((metric) => metric.kind === "funnel");
  return (
    <div class="cards">
      {funnels.length === 0 && (
        <Empty>This pipeline defines no funnel: a metric of kind funnel appears here.</Empty>
      )}
      {funnels.map((metric) => (
        <One key={metric.name} metric={metric} />
      ))}
    </div>
  );
}
