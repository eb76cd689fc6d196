// Alerts that fire, or did a moment ago.
import { groupName, number, title } from "../format";
import { alertsTopic, store } from "../store";
import { instant } from "../time";
import { useTopics } from "../topic";

export function Alerts() {
  useTopics(alertsTopic);
  const firing = [...store.alerts.values()].flatMap((alert) =>
    (alert.instances ?? [])
      .filter((instance) => instance.state === "firing")
      .map((instance) => ({ alert, instance })),
  );
  if (firing.length === 0) {
    return null;
  }
  return (
    <section class="alerts" aria-label="Alerts">
      <ul>
        {firing.slice(0, 8).map(({ alert, instance }) => (
          <li key={`${alert.name} ${JSON.stringify(instance.group)}`}>
            <b>{title(alert.name)}</b>
            <span>{groupName(instance.group)}</span>
            {instance.value !== null && instance.value !== undefined && (
              <span>
                {number(instance.value)}
                {instance.baseline ? `, usually ${number(instance.baseline)}` : ""}
              </span>
            )}
            {instance.since && <span>since {instant(Date.parse(instance.since))}</span>}
          </li>
        ))}
        {firing.length > 8 && <li>and {firing.length - 8} more</li>}
      </ul>
    </section>
  );
}
