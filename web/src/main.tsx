import { render } from "preact";
import { App } from "./app";
import { startKeys } from "./keys";
import { startLive } from "./live";
import { go, route, startRouter } from "./route";
import { startTheme } from "./theme";
import { fix } from "./ui/bar";
import { openHelp } from "./ui/help";

startTheme(); // before anything is drawn
document.addEventListener("DOMContentLoaded", () => {
  startRouter();
  startLive();
  startKeys({ help: openHelp, follow: () => (route.fixed ? go({ fixed: null }) : fix()) });
  render(<App />, document.getElementById("app")!);
});
