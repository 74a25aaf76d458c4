/**
 * The grammar of znode paths. Source: ZooKeeper PathUtils.validatePath.
 */

/** Why the path is not valid, or undefined where it is. `sequential` paths may end in a slash. */
export function pathProblem(path: string, sequential = false): string | undefined {
  const text = sequential ? `${path}1` : path;
  if (text.length === 0) return "a path must not be empty";
  if (text[0] !== "/") return "a path must begin with /";
  if (text === "/") return undefined;
  if (text.endsWith("/")) return "a path must not end with /";
  for (let start = 1; start <= text.length;) {
    let end = text.indexOf("/", start);
    if (end === -1) end = text.length;
    if (end === start) return "a path must not have an empty segment";
    const length = end - start;
    if (text[start] === "." && (length === 1 || (length === 2 && text[start + 1] === "."))) {
      return "a path must not have . or .. as a segment";
    }
    start = end + 1;
  }
  for (let index = 0; index < text.length; index++) {
    if (isForbidden(text.charCodeAt(index))) return `a path must not hold the character at ${index}`;
  }
  return undefined;
}

function isForbidden(code: number): boolean {
  if (code > 0x1f && code < 0x7f) return false;
  return code <= 0x1f || code <= 0x9f || (code >= 0xd800 && code <= 0xf8ff) || code >= 0xfff0;
}

/** Where a read looks: the empty path is the root's too, as ZooKeeper keeps it under both names (seen on 3.8.0). */
export function actualPath(path: string): string {
  return path === "" ? "/" : path;
}

/** The path above, "/" for a child of the root and for the root itself. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** Whether the path is one right below the parent: what parentOf tells, without making a text of it. */
export function isChildOf(path: string, parent: string): boolean {
  const slash = path.lastIndexOf("/");
  if (slash <= 0) return parent === "/" && path !== "/";
  return slash === parent.length && path.startsWith(parent);
}

/** The last segment; empty for the root. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The path of a child. */
export function childOf(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}
