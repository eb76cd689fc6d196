// The frame of a chart: what it is, its newest number, how far that can be trusted.
import type { ComponentChildren } from "preact";
import { title } from "../format";
import { href, route } from "../route";
import { cadence } from "../time";
import { stepOf } from "../series";
import type { Metric } from "../types";

export function describe(metric: Metric): string {
  const column = metric.column ? ` ${metric.column}` : "";
  const what: Record<string, string> = {
    count: "events",
    distinct: `different${column}`,
    approx_distinct: `different${column}, estimated`,
    sum: `sum of${column}`,
    mean: `mean of${column}`,
    min: `least${column}`,
    max: `greatest${column}`,
    quantiles: `quantiles of${column}`,
    sessions: "visits",
    funnel: "steps in order",
    retention: "who comes back",
    ratio: `${metric.parts?.join(" / ") ?? ""}`,
  };
  const words = [what[metric.kind] ?? metric.kind, cadence(stepOf(metric), metric.over)];
  if (metric.by.length > 0) {
    words.push(`by ${metric.by.join(", ")}`);
  }
  return words.filter(Boolean).join(" · ");
}

interface Props {
  metric: Metric;
  value?: ComponentChildren;
  notes?: string[];
  wide?: boolean;
  isHeading?: boolean; // the page's own
  children: ComponentChildren;
}

export function Card({ metric, value, notes = [], wide, isHeading, children }: Props) {
  const id = `card-${metric.name}`;
  const Heading = route.page === "overview" ? "h3" : "h2"; // there, sections have the h2
  return (
    <article class={`card${wide ? " wide" : ""}`} aria-labelledby={id} data-metric={metric.name}>
      <header>
        <div class="names">
          <Heading id={id} class="title">
            {isHeading ? (
              title(metric.name)
            ) : (
              <a href={href({ page: "metric", metric: metric.name })}>{title(metric.name)}</a>
            )}
          </Heading>
          <p class="about">{metric.description ?? describe(metric)}</p>
        </div>
        {value !== undefined && <p class="value">{value}</p>}
      </header>
      {children}
      {notes.length > 0 && <p class="notes">{notes.join(" · ")}</p>}
    </article>
  );
}
