/** The end of a program whose output nobody reads any more, as with `head`. */

/** Ends the program without a word then, instead of with a stack; with the code that it has so far. */
export function endQuietlyWhenUnread(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
}
