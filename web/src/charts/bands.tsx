// Quantiles over time: the lowest as a line, the rest as bands above it.
import { useMemo, useState } from "preact/hooks";
import { plural, type Format } from "../format";
import type { Line, Series } from "../series";
import { seriesColor, seriesPaint, themeTopic } from "../theme";
import { windowName } from "../time";
import { useTopics } from "../topic";
import { faint } from "./lines";
import { Plot, type Trace } from "./plot";
import { Alternative } from "./table";

interface Props {
  name: string;
  series: Series;
  line: Line;
  step: number;
  from: number;
  to: number;
  format: Format;
  height?: number;
}

export function ranksOf(line: Line | undefined): string[] {
  const found = line?.cells.find((cell) => cell?.quantiles)?.quantiles ?? {};
  return Object.keys(found).sort((a, b) => Number(a) - Number(b));
}

export function rankName(rank: string): string {
  return `p${String(Math.round(Number(rank) * 1e7) / 1e5)}`;
}

export function quantile(line: Line, rank: string): (number | null)[] {
  return line.cells.map((cell) => cell?.quantiles?.[rank] ?? null);
}

export function Bands({ name, series, line, step, from, to, format, height = 190 }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const themes = useTopics(themeTopic);
  const ranks = ranksOf(line);
  const { traces, bands } = useMemo(() => {
    const paint = seriesPaint(0);
    const traces: Trace[] = ranks.map((rank, index) => {
      const values = quantile(line, rank);
      return {
        label: rankName(rank),
        values,
        paint: index === 0 ? paint : faint(paint, 0.9 - 0.25 * index),
        width: index === 0 ? 2 : 1.25,
        points: series.starts.length <= 14,
        ...(index === 0 ? {} : { dash: index === 1 ? [] : [2, 3] }),
      };
    });
    const bands = ranks.slice(1).map((_, index) => ({
      from: index + 1,
      to: index,
      fill: faint(paint, 0.2 - 0.08 * Math.min(index, 2)),
    }));
    return { traces, bands };
  }, [series, line, themes]);
  const index = at ?? line.cells.reduce((last, cell, i) => (cell ? i : last), -1);
  const cell = line.cells[index];
  const read = ranks.map((rank) => `${rankName(rank)} ${format(cell?.quantiles?.[rank])}`);
  const label =
    `${name}, quantiles over ${series.starts.length} windows. ` +
    `Newest: ${read.join(", ")}. Arrow keys read the values.`;
  const pad = series.starts.length <= 60 ? step / 2 : 0;
  const start = series.starts[index];
  return (
    <>
      <p class="readout" aria-live={at === null ? "off" : "polite"}>
        <span>{start === undefined ? "" : windowName(start, step, series.zone)}</span>
        <em>
          {cell ? plural(cell.count ?? 0, "value") : ""}
          {cell && !cell.exact && cell.error ? `, ±${cell.error * 100} %` : ""}
          {cell && cell.complete !== true ? ", still open" : ""}
        </em>
      </p>
      <Plot
        label={label}
        starts={series.starts}
        traces={traces}
        bands={bands}
        from={Math.min(from, series.starts[0] ?? from) - pad}
        to={Math.max(Math.floor((to - 1) / step) * step, series.starts.at(-1) ?? 0) + pad}
        height={height}
        zone={series.zone}
        format={format}
        onCursor={setAt}
      />
      <ul class="legend">
        {ranks.map((rank, i) => (
          <li key={rank}>
            <span
              class="swatch"
              style={{ background: seriesColor(0), opacity: String(1 - 0.3 * i) }}
            />
            <span class="label">{rankName(rank)}</span>
            <span class="number">{format(cell?.quantiles?.[rank])}</span>
          </li>
        ))}
      </ul>
      <Alternative
        name={name}
        data={() => ({
          caption: name,
          head: ["window", "values", ...ranks.map(rankName)],
          rows: series.starts
            .map((when, i) => [
              windowName(when, step, series.zone),
              String(line.cells[i]?.count ?? 0),
              ...ranks.map((rank) => format(line.cells[i]?.quantiles?.[rank])),
            ])
            .reverse(),
        })}
      />
    </>
  );
}
