// Everything at a glance: the top row, then a chart for each metric, the quickest windows first.
import { stepOf } from "../series";
import { statusTopic, store } from "../store";
import { DAY, windowMs } from "../time";
import { useTopics } from "../topic";
import { Alerts } from "../ui/alerts";
import { Welcome } from "../ui/empty";
import { MetricCard } from "../ui/metric";
import { Tiles } from "../ui/tiles";
import type { Kind, Metric } from "../types";

const JOURNEYS: Kind[] = ["sessions", "funnel", "retention"];

interface Section {
  name: string;
  metrics: Metric[];
}

export function sectionsOf(metrics: Metric[]): Section[] {
  const isJourney = (metric: Metric) => JOURNEYS.includes(metric.kind);
  const isQuick = (metric: Metric) => windowMs(stepOf(metric)) < DAY;
  const sections = [
    { name: "Now", metrics: metrics.filter((one) => !isJourney(one) && isQuick(one)) },
    { name: "Day by day", metrics: metrics.filter((one) => !isJourney(one) && !isQuick(one)) },
    { name: "Journeys", metrics: metrics.filter(isJourney) },
  ];
  return sections.filter((section) => section.metrics.length > 0);
}

function HasEvents({ metrics }: { metrics: Metric[] }) {
  return (
    <>
      {sectionsOf(metrics).map((section) => (
        <section key={section.name} class="section" aria-labelledby={`section-${section.name}`}>
          <h2 id={`section-${section.name}`}>{section.name}</h2>
          <div class="cards">
            {section.metrics.map((metric) => (
              <MetricCard key={metric.name} metric={metric} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}

export function Overview({ metrics }: { metrics: Metric[] }) {
  useTopics(statusTopic);
  const ledger = store.status?.ledger;
  const isNew = ledger !== undefined && ledger.processed + ledger.duplicate === 0;
  return (
    <>
      <Tiles />
      <Alerts />
      {isNew ? <Welcome /> : <HasEvents metrics={metrics} />}
    </>
  );
}
