/** Values of options, read for commander: what makes no sense is told with what would. */
import { InvalidArgumentError, Option } from "commander";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as `30s`, `5m`, `12h`, `90d` or `500ms`, in ms. */
export function durationMs(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})(ms|[smhd])$/.exec(text) ?? [];
  const unitMs = UNITS[unit];
  if (count === undefined || unitMs === undefined || Number(count) === 0) {
    throw new InvalidArgumentError("it takes a number and ms, s, m, h or d, such as 30s.");
  }
  return Number(count) * unitMs;
}

/** An option that takes a time, with its default as a user would type it. */
export function durationOption(flags: string, description: string, byDefault: string): Option {
  return new Option(flags, description).argParser(durationMs).default(durationMs(byDefault), byDefault);
}

/** Reads a whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d{1,15}$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`it takes a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}
