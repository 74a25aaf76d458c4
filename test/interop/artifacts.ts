/** The systems' own published artifacts, in the cache outside of the repository. */
import { createHash } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { DebianPackage, Toolbox } from "../compat/tools.ts";

/** `group:artifact:version` of Maven Central. */
export type Coordinates = `${string}:${string}:${string}`;

const JAVA: readonly DebianPackage[] = [["/usr/bin/javac", "default-jdk-headless"]];

/** What Java is told where several of them share few cores: start-up counts, peak speed does not. */
export const SMALL_JAVA: readonly string[] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** The folder that holds these artifacts and all that they stand on. It is filled once. */
export async function needJars(
  tools: Toolbox,
  name: string,
  artifacts: readonly Coordinates[],
): Promise<string> {
  await tools.needDebian(JAVA);
  const maven = await tools.needCommand("mvn", "maven");
  // Other artifacts are another folder.
  const key = createHash("sha1").update(artifacts.join(" ")).digest("hex").slice(0, 8);
  const folder = await tools.filled(`interop-${name}-${key}`, async (empty) => {
    await writeFile(join(empty, "pom.xml"), pom(artifacts));
    const goal = "dependency:copy-dependencies";
    const args = ["-q", "-B", goal, "-DincludeScope=runtime", "-DoutputDirectory=jars"];
    await tools.run({ command: maven, args, cwd: empty });
  });
  return join(folder, "jars");
}

/** Compiles our programs of test/interop/java against the jars; gives the classpath of both. */
export async function compilePrograms(
  tools: Toolbox,
  jars: string,
  sources: readonly string[],
): Promise<string> {
  const classes = join(tools.cache, `interop-classes-${sources.at(-1) ?? ""}`);
  await rm(classes, { recursive: true, force: true });
  const files = sources.map((source) => join(import.meta.dirname, "java", `${source}.java`));
  const args = ["-Xlint:all,-path,-processing,-classfile", "-Werror", "-d", classes, "-cp", `${jars}/*`];
  await tools.run({ command: "javac", args: [...args, ...files] });
  return `${classes}:${jars}/*`;
}

/** The same as a jar, for systems that carry a program's classes to other machines; what it needs is there already. */
export async function compileJar(tools: Toolbox, jars: string, sources: readonly string[]): Promise<string> {
  const [classes = ""] = (await compilePrograms(tools, jars, sources)).split(":");
  const jar = `${classes}.jar`;
  await tools.run({ command: "jar", args: ["--create", "--file", jar, "-C", classes, "."] });
  return jar;
}

/** The version in the name of one of the jars. Throws where there is none of that name. */
export async function jarVersion(jars: string, artifact: string): Promise<string> {
  const names = await readdir(jars);
  const pattern = new RegExp(`^${artifact}-(\\d.*)\\.jar$`);
  const found = names.map((name) => pattern.exec(name)?.[1]).find((version) => version !== undefined);
  if (found === undefined) throw new Error(`no ${artifact}-VERSION.jar in ${jars}`);
  return found;
}

function pom(artifacts: readonly Coordinates[]): string {
  const dependencies = artifacts.map((coordinates) => {
    const [group = "", artifact = "", version = ""] = coordinates.split(":");
    const parts = { groupId: group, artifactId: artifact, version };
    return element(
      "dependency",
      Object.entries(parts)
        .map(([name, text]) => element(name, text))
        .join(""),
    );
  });
  const own = { modelVersion: "4.0.0", groupId: "interop", artifactId: "interop", version: "1" };
  const head = Object.entries(own).map(([name, text]) => element(name, text));
  return element("project", [...head, element("dependencies", dependencies.join("\n"))].join("\n"));
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}
