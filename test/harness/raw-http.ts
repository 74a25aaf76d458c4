/** HTTP by hand: requests that no client would send, and what comes back until the connection closes. */
import { once } from "node:events";
import { connect } from "node:net";

/** What came back. */
export interface RawAnswer {
  /** Of the first answer; 0 where there was none. */
  readonly status: number;
  /** All that came, in order. */
  readonly text: string;
  /** How many answers there are in it. */
  readonly count: number;
}

/** A request of these lines, after which the connection is to close. */
export function requestOf(line: string, ...headers: readonly string[]): string {
  return [line, ...headers, "Connection: close", "", ""].join("\r\n");
}

/** Sends bytes as they are, and reads until the server hangs up. */
export async function rawHttp(port: number, request: string): Promise<RawAnswer> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => (text += chunk));
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  socket.write(request, "latin1");
  await closed;
  const answers = [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)];
  return { status: Number(answers[0]?.[1] ?? 0), text, count: answers.length };
}
