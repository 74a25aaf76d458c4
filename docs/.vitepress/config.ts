/** The site: `npm run docs` serves it, `npm run docs:build` builds it. Its pages are these, as they lie in docs/. */
import { defineConfig } from "vitepress";

import { anchorOf, siteLink } from "./site/links.ts";
import { pagesThere, sectionsOf, titleOf } from "./site/pages.ts";

const sidebar = sectionsOf(pagesThere()).map(({ text, pages }) => ({
  text,
  items: pages.map((page) => ({ text: titleOf(page), link: `/${page}` })),
}));

export default defineConfig({
  title: "Edgekeeper",
  description:
    "ZooKeeper for the edge: locks, elections, configuration and watches on Cloudflare Durable Objects.",
  lang: "en",
  cacheDir: "../node_modules/.cache/vitepress",
  // A link that leads nowhere fails the build; so it is unless something else is said here.
  ignoreDeadLinks: false,
  // The largest is the index of the search, which is fetched when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  markdown: {
    anchor: { slugify: anchorOf },
    config(markdown) {
      // Pages are written for GitHub as well, so what is HTML there is none of a component's here.
      markdown.set({ html: false });
      markdown.core.ruler.push("repository-links", ({ tokens, env }) => {
        const { relativePath } = env as { readonly relativePath: string };
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          if (token.type === "image") token.attrSet("src", imageOf(token.attrGet("src")));
          if (token.type !== "link_open") continue;
          const link = siteLink(relativePath, String(token.attrGet("href")));
          if (link.kind === "page") token.attrSet("href", link.href);
          // The name of a file of the repository, which is no page: a link without an address is text.
          if (link.kind === "file") token.attrs = [];
        }
      });
    },
  },
  themeConfig: {
    sidebar,
    nav: [
      { text: "First steps", link: "/reference/readme" },
      { text: "Concepts", link: "/concepts" },
      { text: "HTTP API", link: "/reference/http-api" },
      { text: "SDK", link: "/sdk" },
    ],
    outline: { level: [2, 3] },
    search: { provider: "local" },
  },
});

/** The only pictures are those beside the pages. */
function imageOf(source: string | null): string {
  if (source === null || /^[a-z]+:/i.test(source))
    throw new Error(`a page shows ${String(source)}: nothing is loaded from elsewhere`);
  return source;
}
