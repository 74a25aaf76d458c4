/** Answers to the commands snapshot and restore, in ZooKeeper's form. */
import { bulkAnswerText } from "../keeper/operations/admin-commands.ts";
import type { JavaJson } from "../keeper/operations/java-json.ts";

/** What an answer says: status 200, no error and nothing else unless set. */
export interface BulkAnswer {
  readonly status?: number;
  readonly error?: string | null;
  readonly fields?: Readonly<Record<string, JavaJson>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes the answer. */
export function bulkAnswer(command: string, answer: BulkAnswer = {}): Response {
  const { status = 200, error = null, fields, headers } = answer;
  const body = bulkAnswerText(command, error, fields);
  return new Response(body, { status, headers: { ...headers, "content-type": "application/json" } });
}
