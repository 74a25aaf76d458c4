/** What to do with an ensemble that nobody has written to yet. */
import type { JSX } from "preact";

import type { Desk } from "./desk.ts";
import type { ReplicaFigures } from "./documents.ts";
import { Copy } from "./ui.tsx";

/** The root, and what the service keeps below /zookeeper from its start. */
const ZNODES_AT_FIRST = 4;

/** Shown until there is a znode of somebody's. */
export function FirstSteps(props: {
  readonly desk: Desk;
  readonly status: ReplicaFigures | undefined;
}): JSX.Element | null {
  const { desk, status } = props;
  if (status === undefined || status.asleep || status.znodes > ZNODES_AT_FIRST) return null;
  const { origin } = location;
  const secret = desk.hasToken ? ` -H "Authorization: Bearer $TOKEN"` : "";
  const ensemble = desk.ensemble === "main" ? "" : ` --ensemble ${desk.ensemble}`;
  return (
    <section class="steps" aria-labelledby="steps-title">
      <h2 id="steps-title">First steps</h2>
      <p>
        This ensemble serves, and nobody has written to it yet. Make its first znode in one of these ways:
        what you do shows here at once.
      </p>
      <ol>
        {desk.may("write", "/") && (
          <li>
            <b>In this page.</b> In the{" "}
            <button type="button" class="quiet link" onClick={() => desk.go("tree", "/")}>
              tree
            </button>{" "}
            choose <i>New child</i>.
          </li>
        )}
        <li>
          <b>Over HTTP</b>, from anything that speaks it. <a href="/docs">All routes</a>
          <Command
            text={`curl -X PUT ${origin}/${desk.ensemble}/v1/nodes/hello -d world${secret}`}
            what="the request"
          />
        </li>
        <li>
          <b>With the program</b>, which has locks, watches and a shell as well. In a clone{" "}
          <code>npm run edgekeeper --</code> stands for <code>npx edgekeeper</code>.
          <Command
            text={`npx edgekeeper create /hello world --url ${origin}${ensemble}`}
            what="the command"
          />
        </li>
        <li>
          <b>With a client of ZooKeeper</b>: kazoo, Curator, zkCli. <code>npm start</code> has said which
          ports are theirs; to a deployment <code>npx edgekeeper bridge</code> makes one.
        </li>
      </ol>
    </section>
  );
}

function Command(props: { readonly text: string; readonly what: string }): JSX.Element {
  const { text, what } = props;
  return (
    <div class="command">
      <pre class="data" tabIndex={0} role="region" aria-label={`The way by ${what}`}>
        {text}
      </pre>
      <Copy text={text} what={what} />
    </div>
  );
}
