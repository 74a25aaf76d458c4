/**
 * What a caller with a token may do at most: permissions on a znode and all below it. As text a grant is
 * `PERMISSIONS:/PREFIX`, such as `read,write:/app`.
 */
import { pathProblem } from "./path.ts";

/**
 * read: data, children, access control lists, watches, who holds a lock. write: creating, setting and deleting, locks.
 * admin: access control lists; on `/` the operator's doors and tokens too. None implies another.
 */
export type Permission = "read" | "write" | "admin";

/** Every permission. */
const PERMISSIONS: readonly Permission[] = ["read", "write", "admin"];

/** Permissions on the znode at the prefix and on all below it. */
export interface Grant {
  readonly prefix: string;
  readonly permissions: readonly Permission[];
}

/** Whether the path is the prefix, or below it: `/app` covers `/app/x` and not `/application`. */
export function isCoveredBy(prefix: string, path: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}

/** Whether one of the grants gives the permission on the path. */
export function isGranted(grants: readonly Grant[], permission: Permission, path: string): boolean {
  return grants.some(
    ({ prefix, permissions }) => permissions.includes(permission) && isCoveredBy(prefix, path),
  );
}

/** The grant as text. */
export function grantText({ prefix, permissions }: Grant): string {
  return `${permissions.join(",")}:${prefix}`;
}

/** Reads a grant's text; says what is wrong with it where it is none. */
export function readGrant(text: string): Grant | string {
  const colon = text.indexOf(":");
  if (colon === -1) return `"${text}" has no colon: write PERMISSIONS:/PREFIX, such as read,write:/app`;
  const prefix = text.slice(colon + 1);
  const permissions = text.slice(0, colon).split(",");
  const stranger = permissions.find((one) => !isPermission(one));
  if (stranger !== undefined) {
    return `"${stranger}" is no permission: list some of ${PERMISSIONS.join(",")} before the colon`;
  }
  const problem = pathProblem(prefix);
  if (problem !== undefined) return `"${prefix}" is no prefix: ${problem}`;
  return { prefix, permissions: [...new Set(permissions.filter(isPermission))] };
}

function isPermission(text: string): text is Permission {
  return PERMISSIONS.some((permission) => permission === text);
}
