/** What came of a call, as JSON can tell it. */
import { problemOf } from "../../src/binding/problem.ts";

/** The result, or the problem that the call failed with. */
export async function told(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { result: (await call()) ?? null };
  } catch (error) {
    const problem = problemOf(error);
    const { name = "", code } = error as { readonly name?: string; readonly code?: unknown };
    return { problem, name, ownCode: code, text: String(error) };
  }
}
