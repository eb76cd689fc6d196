// Who comes back: a heat map for each metric of that kind, and all cohorts together as one line.
import { Heat } from "../charts/heat";
import { Spark } from "../charts/spark";
import { integer, percent } from "../format";
import { Card } from "../ui/card";
import { Empty } from "../ui/empty";
import { useCohorts } from "../ui/metric";
import type { Cell, Metric } from "../types";

const COHORTS_MAX = 60;

/** The share of all for whom a period is over that came back in it. */
export function overall(cohorts: Cell[]): (number | null)[] {
  const length = Math.max(0, ...cohorts.map((cell) => cell.retained?.length ?? 0));
  return Array.from({ length }, (_, period) => {
    const over = cohorts.filter(
      (cell) => period < (cell.retained?.length ?? 0) - (cell.open_periods ?? 0),
    );
    const size = over.reduce((sum, cell) => sum + (cell.size ?? 0), 0);
    const back = over.reduce((sum, cell) => sum + (cell.retained?.[period] ?? 0), 0);
    return size > 0 ? back / size : null;
  });
}

function One({ metric }: { metric: Metric }) {
  const { cohorts, unit } = useCohorts(metric);
  const shown = cohorts.slice(0, COHORTS_MAX);
  if (shown.length === 0) {
    return (
      <Card metric={metric} wide>
        <Empty>Nobody has come yet.</Empty>
      </Card>
    );
  }
  const together = overall(cohorts);
  const size = cohorts.reduce((sum, cell) => sum + (cell.size ?? 0), 0);
  const figures = together.map((share, period) => [period, share] as const).slice(1, 7);
  return (
    <Card
      metric={metric}
      wide
      notes={[
        `percent of a cohort that came back, in ${unit} after its first`,
        "dashed: not over yet, can only rise",
        ...(cohorts.length > COHORTS_MAX ? [`the newest ${COHORTS_MAX} cohorts`] : []),
      ]}
    >
      <dl class="figures row">
        <div>
          <dt>people</dt>
          <dd data-value="size">{integer(size)}</dd>
        </div>
        {figures.map(([period, share]) => (
          <div key={period}>
            <dt>{`${unit.slice(0, -1)} ${period}`}</dt>
            <dd>{percent(share)}</dd>
          </div>
        ))}
        <div>
          <dt>all cohorts</dt>
          <dd>
            <Spark values={together} width={120} height={24} />
          </dd>
        </div>
      </dl>
      <Heat name={metric.name} cohorts={shown} unit={unit} zone={metric.timezone} />
    </Card>
  );
}

export function Retention({ metrics }: { metrics: Metric[] }) {
  const wanted = metrics.filter((metric) => metric.kind === "retention");
  return (
    <div class="cards">
      {wanted.length === 0 && (
        <Empty>This pipeline defines no retention: a metric of that kind appears here.</Empty>
      )}
      {wanted.map((metric) => (
        <One key={metric.name} metric={metric} />
      ))}
    </div>
  );
}
