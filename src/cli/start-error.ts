/** What keeps the local ensemble from starting. The message says what happened and what to do about it. */
export class StartError extends Error {
  override readonly name = "StartError";
}
