/** Links between pages: as they stand in the repository, and where they lead on the site. */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";

import { ROOT } from "./root.ts";
import { COPIES } from "./pages.ts";

/** The site's page for each file of the repository that is a page there and does not lie below docs/. */
const PAGE_OF: ReadonlyMap<string, string> = new Map([
  ...Object.entries(COPIES).flatMap(([page, file]): [string, string][] =>
    file.startsWith("examples/")
      ? [
          [file, page],
          [posix.dirname(file), page],
        ]
      : [[file, page]],
  ),
  ["examples", "reference/examples.md"],
]);

/** Where a link leads. */
export type SiteLink =
  /** As it stands: another site, or another place of the same page. */
  | { readonly kind: "as-is" }
  /** A page of the site, by its path below docs/. */
  | { readonly kind: "page"; readonly href: string }
  /** A file of the repository that is no page: the site shows its name and no link. */
  | { readonly kind: "file" };

/**
 * Where a link of a page leads, the page being named by its path below docs/. Throws where there is no such file, which
 * fails the build.
 */
export function siteLink(page: string, href: string): SiteLink {
  if (/^(?:[a-z]+:|#|\/)/i.test(href)) return { kind: "as-is" };
  const [path = "", hash] = href.split("#");
  const target = targetOf(COPIES[page] ?? `docs/${page}`, path);
  const anchor = hash === undefined ? "" : `#${hash}`;
  const copied = PAGE_OF.get(target);
  if (copied !== undefined) return { kind: "page", href: `/${copied}${anchor}` };
  const below = /^docs\/(.+\.md)$/.exec(target)?.[1];
  // What is made at the build is looked for by VitePress.
  if (below !== undefined) return { kind: "page", href: `/${below}${anchor}` };
  if (!existsSync(join(ROOT, target)))
    throw new Error(`docs/${page} links to ${href}, and there is no ${target}`);
  return { kind: "file" };
}

/** The file that a path in a link names, from the root of the repository. */
export function targetOf(file: string, path: string): string {
  return posix.join(posix.dirname(file), path).replace(/\/$/, "");
}

/** The anchor of a heading, as GitHub makes it, so that a link holds on both. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
