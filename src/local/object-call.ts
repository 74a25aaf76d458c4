/**
 * How an object in another process is asked: a request names the binding and the object before its own path, a call of
 * a method is a POST of its arguments. What is thrown there comes as an answer of its own kind and is thrown here.
 */

const FAILURE_HEADER = "edgekeeper-object-failure";

const METHOD_HEADER = "edgekeeper-object-method";

/** What the runtime says of a failure besides its text. */
const SIGNS = ["remote", "retryable", "overloaded", "durableObjectReset"] as const;

/** A request as the other process gets it. */
export function addressed(binding: string, name: string, request: Request): Request {
  const { pathname, search } = new URL(request.url);
  return new Request(`http://object/${binding}/${encodeURIComponent(name)}${pathname}${search}`, request);
}

/** Whom such a request is for, and the request that it was; undefined where it is none. */
export function unaddressed(
  request: Request,
): { readonly binding: string; readonly name: string; readonly request: Request } | undefined {
  const { pathname, search } = new URL(request.url);
  const [, binding, name, path] = /^\/([^/]+)\/([^/]+)(\/.*)$/.exec(pathname) ?? [];
  if (binding === undefined || name === undefined || path === undefined) return undefined;
  return {
    binding,
    name: decodeURIComponent(name),
    request: new Request(`http://replica${path}${search}`, request),
  };
}

/** A call of a method, to be addressed. Its arguments, and what it gives, are what JSON holds, or undefined. */
export function callOf(method: string, values: readonly unknown[]): Request {
  const body = JSON.stringify(values.map((value) => ({ value })));
  return new Request("http://object/", { method: "POST", headers: { [METHOD_HEADER]: method }, body });
}

/** The method that a request calls, and with what; undefined where it calls none. */
export async function readCall(
  request: Request,
): Promise<{ readonly method: string; readonly values: readonly unknown[] } | undefined> {
  const method = request.headers.get(METHOD_HEADER);
  if (method === null) return undefined;
  const values = await jsonOf<readonly { readonly value?: unknown }[]>(request);
  return { method, values: values.map(({ value }) => value) };
}

/** What a method gave. */
export function returned(value: unknown): Response {
  return Response.json({ value });
}

/** Reads what a method gave. */
export async function readReturned(answer: Response): Promise<unknown> {
  const { value } = await jsonOf<{ readonly value?: unknown }>(answer);
  return value;
}

interface Thrown {
  readonly message: string;
  readonly signs: readonly string[];
}

/** What an object threw. */
export function failed(error: unknown): Response {
  const signs = SIGNS.filter(
    (sign) => typeof error === "object" && error !== null && Reflect.get(error, sign),
  );
  const message = error instanceof Error ? error.message : String(error);
  return Response.json({ message, signs }, { status: 500, headers: { [FAILURE_HEADER]: "1" } });
}

/** The answer, unless the object threw: then this does. */
export async function unlessFailed(answer: Response): Promise<Response> {
  if (!answer.headers.has(FAILURE_HEADER)) return answer;
  const { message, signs } = await jsonOf<Thrown>(answer);
  throw Object.assign(new Error(message), Object.fromEntries(signs.map((sign) => [sign, true])));
}

/** Both ends are of this program: what comes is of the shape that was sent. */
async function jsonOf<Value>(body: { json(): Promise<unknown> }): Promise<Value> {
  return (await body.json()) as Value;
}
