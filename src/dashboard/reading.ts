/** What is read from the API for as long as it is shown: again and again, unless nobody looks. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { begin } from "./begin.ts";
import { type ApiError, asApiError } from "./api.ts";

/** Looking takes no more than this part of the time: what is dear to answer is asked for less often. */
const LOOKING_SHARE = 0.1;

/** What was read last, and why there is nothing newer. */
export interface Reading<Value> {
  readonly value: Value | undefined;
  readonly error: ApiError | undefined;
  readonly again: () => void;
}

/** Reads at once, whenever `key` is another, and every so many ms while the page is looked at; 0 for once. */
export function useReading<Value>(key: string, everyMs: number, read: () => Promise<Value>): Reading<Value> {
  const [state, setState] = useState<{
    readonly key: string;
    readonly value?: Value;
    readonly error?: ApiError | undefined;
  }>({ key });
  const [round, setRound] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      const beganMs = performance.now();
      if (!document.hidden) {
        try {
          const value = await latest.current();
          if (!isOver) setState({ key, value });
        } catch (thrown) {
          const error = asApiError(thrown);
          // What was there is shown on where nobody answers; where it is gone, it is gone.
          if (!isOver)
            setState((before) =>
              error.status === 0 || error.status >= 500 ? { ...before, key, error } : { key, error },
            );
        }
      }
      if (!isOver && everyMs > 0) timer = setTimeout(() => begin(look()), pauseMs(everyMs, beganMs));
    };
    begin(look());
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key, everyMs, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  const isOfKey = state.key === key;
  return {
    value: isOfKey ? state.value : undefined,
    error: isOfKey ? state.error : undefined,
    again,
  };
}

/** Until the next look, after one that began then. */
function pauseMs(everyMs: number, beganMs: number): number {
  return Math.max(everyMs, (performance.now() - beganMs) / LOOKING_SHARE - everyMs);
}
