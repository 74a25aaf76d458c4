/** The way in: a token, kept in this tab alone. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";

import { begin } from "./begin.ts";
import { useDesk } from "./desk.ts";
import { Mark } from "./mark.tsx";
import { ErrorNote } from "./ui.tsx";

/** Asks for a token. */
export function Login(): JSX.Element {
  const desk = useDesk();
  const box = useRef<HTMLInputElement>(null);
  return (
    <main class="gate">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          const token = box.current?.value.trim() ?? "";
          if (token !== "") begin(desk.enter(token));
        }}
      >
        <h1>
          <Mark /> Edgekeeper
        </h1>
        {desk.ensemble !== "" && (
          <p class="faint">
            Ensemble <b>{desk.ensemble}</b>
          </p>
        )}
        <label for="token">Token, or the deployment's secret</label>
        <input ref={box} id="token" type="password" autocomplete="off" autofocus required />
        <ErrorNote error={desk.refusal.value} />
        <button type="submit" class="primary">
          Come in
        </button>
        <p class="faint small-text">
          It stays in this tab, is sent to this address alone, and is gone when the tab is closed. What the
          page shows, and what it lets you do, is what the token may.
        </p>
      </form>
    </main>
  );
}

/** Which ensemble. */
export function Choose(): JSX.Element {
  const desk = useDesk();
  const box = useRef<HTMLInputElement>(null);
  const ensembles = desk.ensembles.value;
  return (
    <main class="gate">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          location.assign(`/${encodeURIComponent(box.current?.value.trim() ?? "")}/`);
        }}
      >
        <h1>
          <Mark /> Edgekeeper
        </h1>
        {ensembles.length > 0 ? (
          <ul class="paths">
            {ensembles.map((name) => (
              <li key={name}>
                <a href={`/${name}/`}>{name}</a>
              </li>
            ))}
          </ul>
        ) : (
          <>
            <label for="ensemble">Your token is of one ensemble. Which?</label>
            <input ref={box} id="ensemble" defaultValue="main" required pattern="[^/]+" spellcheck={false} />
            <button type="submit" class="primary">
              Go there
            </button>
          </>
        )}
      </form>
    </main>
  );
}

/** Where nothing is to be had. */
export function Lost(): JSX.Element {
  const desk = useDesk();
  return (
    <main class="gate">
      <div class="card">
        <h1>
          <Mark /> Edgekeeper
        </h1>
        <ErrorNote error={desk.refusal.value} retry={() => begin(desk.enter())} />
        {desk.hasToken && (
          <button type="button" onClick={() => desk.leave()}>
            Show another token
          </button>
        )}
      </div>
    </main>
  );
}
