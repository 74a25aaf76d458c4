/** Paths of znodes. */

/** The path of a child; with an empty name, what all children's paths begin with. */
export function childPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** The path above; the root's is the root. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The last segment; the root's is a slash. */
export function lastName(path: string): string {
  return path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1);
}

/** All paths above it, the root first, without itself. */
export function pathsAbove(path: string): readonly string[] {
  const above: string[] = [];
  for (let one = path; one !== "/"; one = parentPath(one)) above.unshift(parentPath(one));
  return above;
}
