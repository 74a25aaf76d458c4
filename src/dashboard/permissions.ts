/** What the bearer may do, as far as its scopes tell; the gateway decides, and a znode's own list besides. */
import type { Caller, Permission } from "./documents.ts";

/** Whether its scopes allow that there. */
export function may(caller: Caller | undefined, permission: Permission, path: string): boolean {
  if (caller === undefined) return false;
  if (caller.scopes === null) return true;
  const isService = permission === "write" && isBelow("/zookeeper", path);
  const needed = isService ? "admin" : permission;
  return caller.scopes.some(
    ({ prefix, permissions }) => permissions.includes(needed) && isBelow(prefix, path),
  );
}

/** Where the bearer may begin to look. */
export function rootsOf(caller: Caller | undefined): readonly string[] {
  if (caller === undefined || may(caller, "read", "/")) return ["/"];
  const readable = caller.scopes?.filter(({ permissions }) => permissions.includes("read")) ?? [];
  return [...new Set(readable.map(({ prefix }) => prefix))].toSorted();
}

/** What it is called in the corner of the page. */
export function callerText(caller: Caller): string {
  if (caller.kind === "deployment") return "deployment";
  const named = caller.identities.find(({ scheme }) => scheme === "token" || scheme === "jwt");
  return named === undefined ? caller.kind : named.id;
}

/** `admin`, `read and write` or `read-only`, of the whole of what it may. */
export function powerText(caller: Caller): string {
  if (caller.scopes === null) return "admin";
  const all = new Set(caller.scopes.flatMap(({ permissions }) => permissions));
  if (all.has("admin")) return "admin";
  return all.has("write") ? "read and write" : "read-only";
}

function isBelow(prefix: string, path: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}
