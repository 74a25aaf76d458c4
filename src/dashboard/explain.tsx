/** Why something is as it is: who holds it and who waits, whose it is, and of what is gone, how it went. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

import { pathInUrl } from "./api.ts";
import { useDesk } from "./desk.ts";
import type { ExplanationDocument } from "./documents.ts";
import { durationText } from "./format.ts";
import { useReading } from "./reading.ts";
import { hashOf } from "./route.ts";
import { ownersFirst, type Piece, piecesOf, shownPath } from "./sentences.ts";
import { ErrorNote, Moment } from "./ui.tsx";

/** What is to be explained: a path, or the id of a session. */
export type Explained = { readonly path: string } | { readonly session: string };

/** The explanation of a path or session, read when it is shown, and when it is asked for again. */
export function Explain(props: { readonly of: Explained }): JSX.Element {
  const { of } = props;
  const desk = useDesk();
  const url = urlOf(of);
  const { value, error, again } = useReading(
    url,
    0,
    async () => await desk.api.get<ExplanationDocument>(desk.path(url)),
  );
  const paths = useMemo(() => (value === undefined ? [] : pathsIn(value, of)), [value, url]);
  // As the sentences have it.
  const quoted = (value?.text ?? "").replaceAll(/\s+/g, " ").trim();
  return (
    <section aria-labelledby="explain-title" class="explain">
      <div class="section-head">
        <h2 id="explain-title" class="minor">
          Why it is so
        </h2>
        <span class="grow" />
        <button type="button" class="small" onClick={again}>
          Explain again
        </button>
      </div>
      <ErrorNote error={error} />
      {value !== undefined && (
        <ul class="explained">
          {value.summary.map((sentence) => (
            <li key={sentence}>
              {ownersFirst(piecesOf(sentence, paths, quoted)).map((piece, at) => (
                <Shown key={at} piece={piece} of={of} />
              ))}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Shown(props: { readonly piece: Piece; readonly of: Explained }): JSX.Element {
  const { piece, of } = props;
  const { text } = piece;
  switch (piece.kind) {
    case "text":
      return <>{text}</>;
    case "time":
      return <Moment at={text} />;
    case "duration":
      return <>{durationText(Number.parseInt(text, 10))}</>;
    case "zxid":
      return <span class="mono">{text}</span>;
    case "session":
      if ("session" in of && of.session === text) return <span class="mono">{text}</span>;
      return <a href={hashOf({ view: "sessions", chosen: text, past: undefined })}>{text}</a>;
    case "path":
      if ("path" in of && of.path === text) return <span class="mono">{text}</span>;
      return (
        <a href={hashOf({ view: "tree", chosen: text, past: undefined })} title={text}>
          {shownPath(text)}
        </a>
      );
  }
}

function urlOf(of: Explained): string {
  return "path" in of ? `/explain/nodes${pathInUrl(of.path)}` : `/explain/sessions/${of.session}`;
}

/** The paths that its sentences may name. */
function pathsIn(document: ExplanationDocument, of: Explained): readonly string[] {
  const { queue, left = [], ephemerals = [], lost = [] } = document;
  const contenders = queue?.contenders ?? [];
  return [
    ...("path" in of ? [of.path] : []),
    ...(queue === null || queue === undefined ? [] : [queue.path]),
    ...contenders.flatMap(({ path, behind }) => (behind === null ? [path] : [path, behind])),
    ...left.map(({ path }) => path),
    ...ephemerals,
    ...lost,
  ];
}
