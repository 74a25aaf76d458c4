/** The dashboard: one page, served by the Worker at /ENSEMBLE/, which asks that Worker's HTTP API and nobody else. */
import { render } from "preact";

import { Desk, DeskContext } from "./desk.ts";
import { Shell } from "./shell.tsx";

import "uplot/dist/uPlot.min.css";
import "./style.css";

async function start(): Promise<void> {
  const [, ensemble = ""] = location.pathname.split("/").map(decodeURIComponent);
  const place = document.getElementById("page");
  if (place === null) throw new Error("the page has no place for what is drawn");
  const desk = new Desk(ensemble);
  render(
    <DeskContext.Provider value={desk}>
      <Shell />
    </DeskContext.Provider>,
    place,
  );
  await desk.enter();
}

await start();
