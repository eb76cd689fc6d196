// The steps of a funnel: how many runs reached each, and how many stopped there.
import { integer, percent } from "../format";
import type { Step } from "../types";

export function addSteps(all: Step[][]): Step[] {
  const sum: Step[] = [];
  for (const steps of all) {
    steps.forEach((step, index) => {
      const into = (sum[index] ??= {
        name: step.name,
        reached: 0,
        entities: 0,
        abandoned: 0,
      });
      into.reached += step.reached;
      into.entities += step.entities;
      into.abandoned += step.abandoned;
    });
  }
  return sum;
}

export function Funnel({ name, steps }: { name: string; steps: Step[] }) {
  const first = steps[0]?.reached ?? 0;
  return (
    <table class="funnel">
      <caption class="hidden">{name}: runs by step</caption>
      <thead>
        <tr>
          <th scope="col">step</th>
          <th scope="col" class="wide">
            <span class="hidden">share of those who entered</span>
          </th>
          <th scope="col" class="number">
            reached
          </th>
          <th scope="col" class="number">
            of entered
          </th>
          <th scope="col" class="number">
            from step before
          </th>
          <th scope="col" class="number">
            stopped here
          </th>
        </tr>
      </thead>
      <tbody>
        {steps.map((step, index) => {
          const before = steps[index - 1]?.reached ?? step.reached;
          const share = first > 0 ? step.reached / first : 0;
          const lost = first > 0 ? (before - step.reached) / first : 0;
          const kept = before > 0 ? step.reached / before : null;
          return (
            <tr key={step.name}>
              <th scope="row">{step.name}</th>
              <td class="wide">
                <span class="track">
                  <span class="full" style={{ width: `${share * 100}%` }} />
                  <span
                    class="lost"
                    style={{
                      width: `${lost * 100}%`,
                    }}
                  />
                </span>
              </td>
              <td class="number">{integer(step.reached)}</td>
              <td class="number">{percent(first > 0 ? share : null)}</td>
              <td class="number">{index === 0 ? "" : percent(kept)}</td>
              <td class="number">{integer(step.abandoned)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
