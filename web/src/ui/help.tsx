// The keys, and whether they are listened to.
import { useEffect, useRef } from "preact/hooks";
import { keysAreOn, KEYS, setKeys, keysTopic } from "../keys";
import { useTopics } from "../topic";

export const HELP_ID = "help";

export function openHelp(): void {
  const dialog = document.getElementById(HELP_ID) as HTMLDialogElement | null;
  if (dialog && !dialog.open) {
    dialog.showModal();
  }
}

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useTopics(keysTopic);
  useEffect(() => {
    const element = dialog.current!;
    const onClick = (event: MouseEvent) => {
      if (event.target === element) {
        element.close();
      }
    };
    element.addEventListener("click", onClick);
    return () => element.removeEventListener("click", onClick);
  }, []);
  return (
    <dialog ref={dialog} id={HELP_ID} aria-labelledby="help-title">
      <form method="dialog">
        <h2 id="help-title">Keys</h2>
        <table class="keys">
          <tbody>
            {KEYS.map(({ keys, about }) => (
              <tr key={about}>
                <th scope="row">
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </th>
                <td>{about}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <label>
          <input
            type="checkbox"
            checked={keysAreOn()}
            onChange={(event) => setKeys(event.currentTarget.checked)}
          />
          Listen to single keys
        </label>
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
