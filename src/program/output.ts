/** What commands print: text for people, or with `--json` one document a line for programs. */

/** What `--json` prints of a value: a bigint as text, as JSON's numbers lose bits. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "bigint" ? member.toString() : member,
  );
}

/** How a command prints. */
export class Output {
  readonly isJson: boolean;

  constructor({ json = false }: { readonly json?: boolean | undefined } = {}) {
    this.isJson = json;
  }

  /** The result: the document where JSON is asked for, the lines otherwise. */
  print(document: unknown, lines: string | readonly string[]): void {
    if (this.isJson) process.stdout.write(`${jsonText(document)}\n`);
    else for (const line of typeof lines === "string" ? [lines] : lines) process.stdout.write(`${line}\n`);
  }

  /** What a person should know and a program need not; on the standard error. */
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}

/** Columns, as wide as they must be; no blanks behind the last. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
