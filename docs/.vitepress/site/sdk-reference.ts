/** The reference of the SDK: what TypeDoc makes of the doc comments of the package's entries. */
import { join } from "node:path";

import { Application } from "typedoc";

import { ENTRIES } from "../../../packaging/build.ts";
import { ROOT } from "./root.ts";

/** Writes a page for each entry into a folder. Throws, naming the place, where TypeDoc finds an error. */
export async function writeSdkReference(folder: string): Promise<void> {
  const app = await Application.bootstrapWithPlugins({
    entryPoints: Object.values(ENTRIES).map((source) => join(ROOT, source)),
    plugin: ["typedoc-plugin-markdown"],
    tsconfig: join(ROOT, "tsconfig.json"),
    // `npm run types` has checked them.
    skipErrorChecking: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    readme: "none",
    logLevel: "Error",
    outputs: [{ name: "markdown", path: folder }],
    ...MARKDOWN,
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the entries: its errors stand above");
  for (const module of project.children ?? []) module.name = importedAs(module.name);
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error("TypeDoc found errors: they stand above");
}

/** What a program imports an entry as, whose module TypeDoc calls by its path below src/. */
function importedAs(module: string): string {
  const name = Object.entries(ENTRIES).find(([, source]) =>
    [`src/${module}.ts`, `src/${module}/index.ts`].includes(source),
  )?.[0];
  if (name === undefined) throw new Error(`${module} is no entry of the package (packaging/build.ts)`);
  return `edgekeeper${name.slice(1)}`;
}

/** Options of the plugin, which TypeDoc's types do not know. */
const MARKDOWN: object = {
  router: "module",
  entryFileName: "index",
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeDeclarationFormat: "table",
  propertyMembersFormat: "table",
  tableColumnSettings: {
    hideInherited: true,
    hideOverrides: true,
    hideSources: true,
    hideModifiers: true,
    hideDefaults: true,
  },
};
