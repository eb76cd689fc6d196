// What stands where nothing is yet: the command that changes it.
import { store } from "../store";

export function origin(): string {
  return location.origin + location.pathname.replace(/\/[^/]*$/, "");
}

export function commands(): string[] {
  const preset = store.status?.preset ?? store.hello?.preset ?? null;
  const url = origin();
  const generate = `tidemark generate --preset ${preset ?? "sunbird"} --rate 200 --to ${url}`;
  const type = "-H 'Content-Type: application/x-ndjson'";
  const post = `curl ${type} --data-binary @events.ndjson ${url}/v1/events`;
  return preset ? [generate, post] : [post];
}

export function Empty({ children }: { children?: string }) {
  return <p class="empty">{children ?? "No events in this span of time."}</p>;
}

export function Welcome() {
  const lines = commands();
  return (
    <section class="welcome" aria-labelledby="welcome">
      <h2 id="welcome">No events yet</h2>
      <p>
        The service runs and waits. Send it some: this page shows them as they are counted, without
        being loaded again.
      </p>
      {lines.map((line) => (
        <pre key={line} tabIndex={0}>
          <code>{line}</code>
        </pre>
      ))}
      <p>
        The first of these lines makes up events and sends them; what yours must look like, and
        every answer of the service, is in <a href="docs">its API reference</a>.
      </p>
    </section>
  );
}
