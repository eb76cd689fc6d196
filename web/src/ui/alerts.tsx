// Alerts that fire: a line for each, with some of its groups.
import { groupName, number, title } from "../format";
import { alertsTopic, store } from "../store";
import { instant } from "../time";
import { useTopics } from "../topic";
import type { AlertInstance } from "../types";

const GROUPS_MAX = 3;

function told(instance: AlertInstance): string {
  const value = instance.value ?? null;
  const usual = instance.baseline ? `, usually ${number(instance.baseline)}` : "";
  const group = Object.keys(instance.group).length > 0 ? `${groupName(instance.group)}: ` : "";
  return value === null ? group.replace(/: $/, "") : `${group}${number(value)}${usual}`;
}

export function Alerts() {
  useTopics(alertsTopic);
  const firing = [...store.alerts.values()]
    .map((alert) => ({
      alert,
      instances: (alert.instances ?? []).filter((instance) => instance.state === "firing"),
    }))
    .filter(({ instances }) => instances.length > 0);
  if (firing.length === 0) {
    return null;
  }
  return (
    <section class="alerts" aria-label="Alerts">
      <ul>
        {firing.map(({ alert, instances }) => (
          <li key={alert.name}>
            <b>{title(alert.name)}</b>
            {instances.slice(0, GROUPS_MAX).map((instance) => (
              <span key={JSON.stringify(instance.group)}>{told(instance)}</span>
            ))}
            {instances.length > GROUPS_MAX && <span>and {instances.length - GROUPS_MAX} more</span>}
            {instances[0]?.since && <span>since {instant(Date.parse(instances[0].since))}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
