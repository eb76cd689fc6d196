// Quantiles: the bands of one group, and a table of all groups to choose it from. Below, means and
// extremes.
import { Bands, rankName, ranksOf } from "../charts/bands";
import { Spark } from "../charts/spark";
import { quantile } from "../charts/bands";
import { integer } from "../format";
import { go, route } from "../route";
import type { Line, Series } from "../series";
import { Card } from "../ui/card";
import { Empty } from "../ui/empty";
import { formatFor, MetricCard, useView } from "../ui/metric";
import type { Kind, Metric } from "../types";

const GROUPS_MAX = 100;
const OTHERS: Kind[] = ["mean", "min", "max"];

function Groups({ metric, series, picked }: { metric: Metric; series: Series; picked: Line }) {
  const ranks = ranksOf(picked);
  const trend = ranks[Math.min(1, ranks.length - 1)];
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label={`${metric.name}, by group`}>
      <table class="grid picks">
        <caption class="hidden">{metric.name}: newest window of each group</caption>
        <thead>
          <tr>
            <th scope="col">{metric.by.join(" · ")}</th>
            <th scope="col" class="number">
              values
            </th>
            {ranks.map((rank) => (
              <th key={rank} scope="col" class="number">
                {rankName(rank)}
              </th>
            ))}
            <th scope="col" class="number">
              {trend ? rankName(trend) : ""}
            </th>
          </tr>
        </thead>
        <tbody>
          {series.lines.map((line) => {
            const cell = line.cells.findLast((one) => one !== undefined);
            const format = formatFor(metric, line);
            return (
              <tr key={line.key} class={line.key === picked.key ? "picked" : ""}>
                <th scope="row">
                  <button
                    type="button"
                    class="label"
                    title={line.label}
                    aria-pressed={line.key === picked.key}
                    onClick={() =>
                      go({
                        picks: { ...route.picks, [metric.name]: line.key },
                      })
                    }
                  >
                    {line.label}
                  </button>
                </th>
                <td class="number">{integer(cell?.count)}</td>
                {ranks.map((rank) => (
                  <td key={rank} class="number">
                    {format(cell?.quantiles?.[rank])}
                  </td>
                ))}
                <td class="number">
                  {trend && <Spark values={quantile(line, trend)} width={64} height={16} />}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function One({ metric }: { metric: Metric }) {
  const { series, extent, step, notes } = useView(metric, { linesMax: GROUPS_MAX });
  const picked =
    series.lines.find((line) => line.key === route.picks[metric.name]) ?? series.lines[0];
  if (!picked) {
    return (
      <Card metric={metric} notes={notes} wide>
        <Empty />
      </Card>
    );
  }
  return (
    <Card metric={metric} notes={notes} wide>
      <div class={metric.by.length > 0 ? "beside-table" : ""}>
        <div>
          <h3>{metric.by.length > 0 ? picked.label : "All"}</h3>
          <Bands
            name={metric.name}
            {...{ series, step }}
            line={picked}
            format={formatFor(metric, picked)}
            from={extent.from}
            to={extent.to}
            height={220}
          />
        </div>
        {metric.by.length > 0 && <Groups {...{ metric, series, picked }} />}
      </div>
    </Card>
  );
}

export function Performance({ metrics }: { metrics: Metric[] }) {
  const wanted = metrics.filter((metric) => metric.kind === "quantiles");
  const others = metrics.filter((metric) => OTHERS.includes(metric.kind));
  return (
    <div class="cards">
      {wanted.length + others.length === 0 && (
        <Empty>
          This pipeline measures no times: metrics of kind quantiles, mean or max appear here.
        </Empty>
      )}
      {wanted.map((metric) => (
        <One key={metric.name} metric={metric} />
      ))}
      {others.map((metric) => (
        <MetricCard key={metric.name} metric={metric} />
      ))}
    </div>
  );
}
