// One metric: its chart, its definition, and its newest cells with all that says how far to trust
// them.
import { Grid } from "../charts/table";
import { formatOf, groupName, integer, NOTHING, percent } from "../format";
import { href } from "../route";
import { isShare, mainValue, stepOf, zoneOf } from "../series";
import { cells, topicOf } from "../store";
import { cadence, windowMs, windowName } from "../time";
import { useTopics } from "../topic";
import { Empty } from "../ui/empty";
import { MetricCard } from "../ui/metric";
import type { Metric } from "../types";

const CELLS_MAX = 100;

function Definition({ metric }: { metric: Metric }) {
  const facts: [string, string | undefined][] = [
    ["kind", metric.kind],
    ["of", metric.column ?? metric.parts?.join(" / ")],
    ["window", cadence(stepOf(metric), metric.over)],
    ["time zone", metric.timezone ?? (metric.every ? "UTC" : undefined)],
    ["by", metric.by.join(", ")],
    ["top", metric.top ? String(metric.top) : undefined],
    ["where", metric.where_sql],
    ["having", metric.having_sql],
    ["definition", metric.definition],
  ];
  return (
    <article class="card wide" aria-labelledby="definition">
      <header>
        <h2 id="definition" class="title">
          Definition
        </h2>
      </header>
      <dl class="facts">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{name === "where" || name === "having" ? <code>{value}</code> : value}</dd>
            </div>
          ))}
      </dl>
      <p class="small">
        <a href={`api/v1/metrics/${encodeURIComponent(metric.name)}`}>All its cells as JSON</a>
      </p>
    </article>
  );
}

function Cells({ metric }: { metric: Metric }) {
  useTopics(topicOf(metric.name));
  const format = formatOf(metric, isShare(metric));
  const tell = metric.kind === "funnel" ? percent : format;
  const step = windowMs(stepOf(metric));
  const newest = [...cells(metric.name)].sort((a, b) => b.endMs - a.endMs).slice(0, CELLS_MAX);
  return (
    <article class="card wide" aria-labelledby="cells">
      <header>
        <h2 id="cells" class="title">
          Newest cells
        </h2>
      </header>
      <Grid
        caption="Newest cells"
        head={["window", "group", "value", "exact", "complete", "revision", "generation"]}
        rows={newest.map((cell) => [
          `${windowName(cell.startMs, step, zoneOf(metric))}`,
          cell.cohort ? "cohort" : groupName(cell.group),
          cell.cohort ? integer(cell.size) : tell(mainValue(cell)),
          cell.exact ? "yes" : cell.error ? `±${percent(cell.error)}` : "estimate",
          cell.complete === null ? NOTHING : cell.complete ? "yes" : "not yet",
          integer(cell.revision),
          cell.generation,
        ])}
      />
    </article>
  );
}

export function MetricPage({ metrics, name }: { metrics: Metric[]; name: string }) {
  const metric = metrics.find((one) => one.name === name);
  if (!metric) {
    return <Empty>{`There is no metric '${name}' in this pipeline.`}</Empty>;
  }
  return (
    <>
      <p class="back">
        <a href={href({ page: "overview", metric: "" })}>‹ All metrics</a>
      </p>
      <div class="cards">
        <MetricCard metric={metric} wide isHeading height={300} linesMax={8} />
        <Definition metric={metric} />
        <Cells metric={metric} />
      </div>
    </>
  );
}
