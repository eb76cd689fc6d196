// The largest groups of the newest window, with how each has been going.
import { useMemo } from "preact/hooks";
import type { Format } from "../format";
import { clock, day, windowName, DAY } from "../time";
import type { Line, Series } from "../series";
import { Spark } from "./spark";

interface Props {
  name: string;
  series: Series;
  step: number;
  format: Format;
  rows: number;
}

function newestWith(series: Series): number {
  for (let index = series.starts.length - 1; index > 0; index--) {
    if (series.lines.some((line) => line.cells[index])) {
      return index;
    }
  }
  return 0;
}

export function Rank({ name, series, step, format, rows }: Props) {
  const index = newestWith(series);
  const ranked = useMemo(() => {
    const there = series.lines.filter((line) => line.cells[index]);
    const value = (line: Line) => line.values[index] ?? -Infinity;
    return there.sort((a, b) => value(b) - value(a) || (a.label < b.label ? -1 : 1)).slice(0, rows);
  }, [series, index, rows]);
  const start = series.starts[index]!;
  const most = Math.max(...ranked.map((line) => line.values[index] ?? 0), 0) || 1;
  const share = (line: Line) => Math.max(0.01, (line.values[index] ?? 0) / most);
  const from = ranked[0]?.cells[index]?.startMs ?? start; // a sliding window is longer
  const window =
    step >= DAY
      ? windowName(start, step, series.zone)
      : `${day(from)}, ${clock(from)}–${clock(series.ends[index]!)}`;
  return (
    <>
      <p class="readout">
        <span>{window}</span>
        {!series.isComplete[index] && <em>still open</em>}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label={`${name}, largest groups`}>
        <table class="rank">
          <caption class="hidden">{name}, largest groups</caption>
          <colgroup>
            <col class="name" />
            <col />
            <col class="trend" />
            <col class="number" />
          </colgroup>
          <thead class="hidden">
            <tr>
              <th scope="col">group</th>
              <th scope="col">share of the largest</th>
              <th scope="col">trend</th>
              <th scope="col">value</th>
            </tr>
          </thead>
          <tbody>
            {ranked.map((line) => (
              <tr key={line.key}>
                <th scope="row" title={line.label}>
                  {line.label}
                </th>
                <td class="bar">
                  <span
                    style={{
                      width: `${share(line) * 100}%`,
                    }}
                  />
                </td>
                <td class="trend">
                  <Spark values={line.values.slice(-60)} width={56} height={16} />
                </td>
                <td class="number">{format(line.values[index])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
