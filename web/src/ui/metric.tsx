// The card of a metric: which chart its kind wants. Used by every page.
import { useMemo } from "preact/hooks";
import { addSteps, Funnel } from "../charts/funnel";
import { Bands, rankName, ranksOf } from "../charts/bands";
import { Heat } from "../charts/heat";
import { Lines } from "../charts/lines";
import type { Mark } from "../charts/plot";
import { Rank } from "../charts/rank";
import { formatOf, integer, percent, plural, seconds, type Format } from "../format";
import { historyFailure, useHistory, WINDOWS_MAX } from "../history";
import { route } from "../route";
import {
  blindTo,
  isAdditive,
  isShare,
  lastValue,
  seriesOf,
  stepOf,
  type Choice,
  type Line,
  type Series,
} from "../series";
import { extentOf, useSpan, type Extent } from "../span";
import { cells, closing, topicOf } from "../store";
import { DAY, windowMs, type Span } from "../time";
import { useTopics } from "../topic";
import type { Cell, Metric } from "../types";
import { Card } from "./card";
import { Empty } from "./empty";

export const WINDOWS_MIN = 7;
const LINES_MAX = 6;
const UNITS: Record<string, string> = { "1d": "days", "1w": "weeks", "7d": "weeks" };

export interface View {
  series: Series;
  extent: Extent;
  step: number;
  notes: string[];
}

/** A metric's windows and lines in the span that is looked at; drawn again when they change. */
export function useView(
  metric: Metric,
  change: Partial<Choice> = {},
  windowsMin = WINDOWS_MIN,
): View {
  const span = useSpan();
  const extent = extentOf(metric, span, windowsMin);
  useHistory(metric, extent.from, span);
  const version = useTopics(topicOf(metric.name));
  const step = windowMs(stepOf(metric));
  const groups = route.groups;
  const series = useMemo(
    () =>
      seriesOf(metric, {
        from: extent.from,
        to: extent.to,
        groups,
        linesMax: LINES_MAX,
        ...change,
      }),
    [metric, version, extent.from, extent.to, JSON.stringify(groups), change.column, closing()],
  );
  return { series, extent, step, notes: notesOf(metric, extent, span, step) };
}

function notesOf(metric: Metric, extent: Extent, span: Span, step: number): string[] {
  const notes: string[] = [];
  const blind = blindTo(metric, route.groups);
  if (blind.length > 0) {
    notes.push(`not split by ${blind.join(", ")}`);
  }
  if (extent.from > span.from && step < DAY) {
    notes.push(`the newest ${WINDOWS_MAX} windows of the range`);
  }
  const failure = historyFailure(metric.name);
  if (failure) {
    notes.push(`the past could not be read: ${failure}`);
  }
  return notes;
}

/** A group may say its unit itself. */
export function formatFor(metric: Metric, line: Line): Format {
  const unit = line.group.unit;
  return formatOf(typeof unit === "string" ? { ...metric, unit } : metric, false);
}

function headline(line: Line | undefined, format: Format): string | undefined {
  const { value, index } = lastValue(line);
  const isEstimate = line?.cells[index]?.exact === false;
  return value === null ? undefined : `${isEstimate ? "≈ " : ""}${format(value)}`;
}

interface Props {
  metric: Metric;
  wide?: boolean;
  isHeading?: boolean;
  height?: number;
  column?: string;
  marks?: Mark[];
  linesMax?: number;
}

function Values(props: Props) {
  const { metric, wide, isHeading, height } = props;
  const linesMax = metric.top ? 500 : (props.linesMax ?? LINES_MAX);
  const isCount = metric.kind === "count" && !metric.top;
  const choice = { linesMax, rest: isCount, ...(props.column ? { column: props.column } : {}) };
  const { series, extent, step, notes } = useView(metric, choice);
  const share = isShare(metric);
  const format = formatOf(metric, share);
  const isAlone = metric.by.length === 0 || series.lines.length === 1;
  const frame = { metric, notes, ...(wide ? { wide } : {}), ...(isHeading ? { isHeading } : {}) };
  if (series.lines.length === 0) {
    return (
      <Card {...frame}>
        <Empty />
      </Card>
    );
  }
  if (metric.top) {
    return (
      <Card {...frame}>
        <Rank name={metric.name} {...{ series, step, format }} rows={Math.min(isHeading ? 50 : 8, metric.top)} />
      </Card>
    );
  }
  const value = isAlone
    ? headline(series.lines[0], format)
    : isCount
      ? format(series.lines.reduce((sum, line) => sum + (line.values.at(-1) ?? 0), 0))
      : undefined;
  return (
    <Card {...frame} {...(value === undefined ? {} : { value })}>
      <Lines
        name={metric.name}
        {...{ series, step, format }}
        from={extent.from}
        to={extent.to}
        bars={isAlone && isAdditive(metric)}
        isStacked={isCount && !props.marks}
        isPlain={metric.by.length === 0}
        {...(share ? { atMost: 1 } : {})}
        {...(height ? { height } : {})}
        {...(props.marks ? { marks: props.marks } : {})}
      />
    </Card>
  );
}

function Quantiles({ metric, wide, isHeading, height }: Props) {
  const { series, extent, step, notes } = useView(metric, { linesMax: 200 });
  const picked = route.picks[metric.name];
  const line = series.lines.find((one) => one.key === picked) ?? series.lines[0];
  const format = line ? formatFor(metric, line) : formatOf(metric, false);
  const frame = { metric, ...(wide ? { wide } : {}), ...(isHeading ? { isHeading } : {}) };
  if (!line) {
    return (
      <Card {...frame} notes={notes}>
        <Empty />
      </Card>
    );
  }
  const others = series.lines.length - 1;
  const told = others > 0 ? [`${line.label}; ${others} more under Performance`, ...notes] : notes;
  const rank = ranksOf(line)[0];
  const last = line.cells.findLast((cell) => cell !== undefined);
  const value = rank ? (
    <>
      <small>{rankName(rank)}</small> {format(last?.quantiles?.[rank])}
    </>
  ) : undefined;
  return (
    <Card {...frame} notes={told} {...(value === undefined ? {} : { value })}>
      <Bands
        name={metric.name}
        {...{ series, line, step, format }}
        from={extent.from}
        to={extent.to}
        {...(height ? { height } : {})}
      />
    </Card>
  );
}

function Sessions({ metric, ...frame }: Props) {
  const { series, extent, step, notes } = useView(metric);
  const isAlone = series.lines.length === 1;
  const last = series.lines[0]?.cells.findLast((cell) => cell !== undefined);
  const told =
    isAlone && last
      ? [
          `${percent(last.sessions ? (last.bounced ?? 0) / last.sessions : null)} bounced`,
          `median ${seconds(last.median_duration)}`,
          ...notes,
        ]
      : notes;
  return (
    <Card metric={metric} notes={told} {...pick(frame)}>
      {series.lines.length === 0 ? (
        <Empty />
      ) : (
        <Lines
          name={metric.name}
          {...{ series, step }}
          format={integer}
          isExact
          from={extent.from}
          to={extent.to}
          bars={isAlone}
        />
      )}
    </Card>
  );
}

function pick({ wide, isHeading }: Omit<Props, "metric">): { wide?: boolean; isHeading?: boolean } {
  return { ...(wide ? { wide } : {}), ...(isHeading ? { isHeading } : {}) };
}

export function cellsIn(series: Series): Cell[] {
  return series.lines.flatMap((line) => line.cells.filter((cell) => cell !== undefined));
}

function FunnelCard({ metric, ...frame }: Props) {
  const { series, notes } = useView(metric, { linesMax: 500 });
  const all = cellsIn(series);
  const steps = addSteps(all.map((cell) => cell.steps ?? []));
  const entered = all.reduce((sum, cell) => sum + (cell.entered ?? 0), 0);
  const completed = all.reduce((sum, cell) => sum + (cell.completed ?? 0), 0);
  const open = all.reduce((sum, cell) => sum + (cell.open ?? 0), 0);
  const value = entered > 0 ? percent(completed / entered) : undefined;
  const told = open > 0 ? [`${plural(open, "run")} may still go on`, ...notes] : notes;
  return (
    <Card metric={metric} notes={told} {...pick(frame)} {...(value ? { value } : {})}>
      {steps.length === 0 ? <Empty /> : <Funnel name={metric.name} steps={steps} />}
    </Card>
  );
}

export function useCohorts(metric: Metric): { cohorts: Cell[]; unit: string } {
  const span = useSpan();
  useHistory(metric, -Infinity, { ...span, isFollowing: true });
  useTopics(topicOf(metric.name));
  const cohorts = [...cells(metric.name)].sort((a, b) => b.startMs - a.startMs);
  return { cohorts, unit: UNITS[metric.every ?? ""] ?? "periods" };
}

function Retention({ metric, ...frame }: Props) {
  const { cohorts, unit } = useCohorts(metric);
  const shown = frame.isHeading || frame.wide ? cohorts.slice(0, 60) : cohorts.slice(0, 8);
  return (
    <Card metric={metric} {...pick(frame)} notes={[`percent back, in ${unit} after the first`]}>
      {shown.length === 0 ? (
        <Empty />
      ) : (
        <Heat name={metric.name} cohorts={shown} unit={unit} zone={metric.timezone} />
      )}
    </Card>
  );
}

export function MetricCard(props: Props) {
  switch (props.metric.kind) {
    case "quantiles":
      return <Quantiles {...props} />;
    case "sessions":
      return <Sessions {...props} />;
    case "funnel":
      return <FunnelCard {...props} />;
    case "retention":
      return <Retention {...props} wide />;
    default:
      return <Values {...props} />;
  }
}
