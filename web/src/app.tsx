// The frame around the pages: name, navigation, the state of the connection.
import { useEffect, useRef } from "preact/hooks";
import { title } from "./format";
import { follow } from "./live";
import { Funnels } from "./pages/funnels";
import { MetricPage } from "./pages/metric";
import { Overview } from "./pages/overview";
import { Performance } from "./pages/performance";
import { Quality } from "./pages/quality";
import { Retention } from "./pages/retention";
import { Sessions } from "./pages/sessions";
import { isTrouble, Stability, versionColumn } from "./pages/stability";
import { href, PAGES, route, routeTopic, type Page } from "./route";
import { definitionsTopic, linkTopic, statusTopic, store } from "./store";
import { isDark, setTheme, themeTopic } from "./theme";
import { useTopics } from "./topic";
import { Bar } from "./ui/bar";
import { Help, openHelp } from "./ui/help";
import type { Metric } from "./types";

const NAMES: Record<Page, string> = {
  overview: "Overview",
  funnels: "Funnels",
  retention: "Retention",
  sessions: "Sessions",
  performance: "Performance",
  stability: "Stability",
  quality: "Data quality",
  metric: "Metric",
};

/** What the page shows, and so what the stream is to carry. */
function needed(metrics: Metric[]): Metric[] {
  switch (route.page) {
    case "funnels":
      return metrics.filter((one) => one.kind === "funnel");
    case "retention":
      return metrics.filter((one) => one.kind === "retention");
    case "sessions":
      return metrics.filter((one) => one.kind === "sessions");
    case "performance":
      return metrics.filter((one) => ["quantiles", "mean", "min", "max"].includes(one.kind));
    case "stability":
      return metrics.filter((one) => isTrouble(one) || versionColumn(one));
    case "metric":
      return metrics.filter((one) => one.name === route.metric);
    case "overview":
    case "quality":
      return metrics;
  }
}

function PageOf({ metrics }: { metrics: Metric[] }) {
  switch (route.page) {
    case "overview":
      return <Overview metrics={metrics} />;
    case "funnels":
      return <Funnels metrics={metrics} />;
    case "retention":
      return <Retention metrics={metrics} />;
    case "sessions":
      return <Sessions metrics={metrics} />;
    case "performance":
      return <Performance metrics={metrics} />;
    case "stability":
      return <Stability metrics={metrics} />;
    case "quality":
      return <Quality />;
    case "metric":
      return <MetricPage metrics={metrics} name={route.metric} />;
  }
}

function Link() {
  useTopics(linkTopic);
  const words = { live: "Live", connecting: "Connecting…", reconnecting: "Reconnecting…" };
  return (
    <p class={`link ${store.link}`} role="status" data-link={store.link}>
      <i class="dot" />
      {words[store.link]}
    </p>
  );
}

function Head() {
  useTopics(statusTopic, themeTopic);
  const known = store.status ?? store.hello;
  const pipeline = known?.preset ?? known?.pipeline ?? "";
  return (
    <header class="head">
      <a class="brand" href={href({ page: "overview", metric: "", groups: {}, fixed: null })}>
        <img src="icon.svg" alt="" width="22" height="22" />
        <span>Tidemark</span>
      </a>
      {pipeline && <p class="pipeline">{pipeline}</p>}
      <Link />
      <div class="tools">
        <button
          type="button"
          class="icon"
          aria-label={isDark() ? "Light colours" : "Dark colours"}
          onClick={() => setTheme(isDark() ? "light" : "dark")}
        >
          {isDark() ? "☀" : "☾"}
        </button>
        <button type="button" class="icon" aria-label="Keys" onClick={openHelp}>
          ?
        </button>
      </div>
    </header>
  );
}

function Navigation() {
  const pages = useRef<HTMLElement>(null);
  useEffect(() => {
    const here = pages.current?.querySelector<HTMLElement>("[aria-current]");
    if (here && pages.current) {
      pages.current.scrollLeft = here.offsetLeft - (pages.current.clientWidth - here.offsetWidth) / 2;
    }
  }, [route.page]);
  return (
    <nav class="pages" aria-label="Pages" ref={pages}>
      {PAGES.map((page) => (
        <a
          key={page}
          href={href({ page, metric: "" })}
          aria-current={route.page === page ? "page" : undefined}
        >
          {NAMES[page]}
        </a>
      ))}
      <span class="apart" />
      <a href="docs">API</a>
    </nav>
  );
}

export function App() {
  useTopics(routeTopic, definitionsTopic);
  const metrics = store.metrics;
  const name = route.page === "metric" ? title(route.metric) : NAMES[route.page];
  const hasGroups = Object.keys(route.groups).length > 0;
  useEffect(() => {
    if (metrics) {
      follow(
        needed(metrics).map((one) => one.name),
        hasGroups,
      );
    }
  }, [metrics, route.page, route.metric, hasGroups]);
  useEffect(() => {
    document.title = `${name} – Tidemark`;
    window.scrollTo(0, 0);
  }, [name]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        To the numbers
      </a>
      <Head />
      <div class="frame">
        <Navigation />
        <main id="main" tabIndex={-1}>
          <div class="top">
            <h1>{name}</h1>
            <Bar />
          </div>
          {metrics ? (
            <PageOf key={`${route.page} ${route.metric}`} metrics={metrics} />
          ) : (
            <p class="empty">{store.failure || "Asking the service what is defined…"}</p>
          )}
        </main>
      </div>
      <Help />
    </>
  );
}

/** The address is the state: a skip link must not change it. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
