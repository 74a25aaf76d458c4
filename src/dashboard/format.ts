/** Numbers, times and bytes as people read them. */

/** `1.2 MB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** `12,345`. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString("en");
}

/** How often children came or went, of a cversion: ZooKeeper counts the root's from -1. */
export function childChanges(path: string, cversion: number): number {
  return path === "/" ? cversion + 1 : cversion;
}

/** How often something was changed. */
export function timesText(count: number): string {
  if (count <= 0) return "never";
  return count === 1 ? "once" : `${count.toLocaleString("en")} times`;
}

/** `3 d 4 h`, the two largest units. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** `2026-11-29 10:31:07`, by the clock of the browser. */
export function timeText(time: number | string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockText(time)}`;
}

/** `10:31:07`. */
export function clockText(time: number | string): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((value) => String(value).padStart(2, "0"))
    .join(":");
}

/** How many proposals a zxid (`epoch:counter`) is behind another; undefined where their epochs differ. */
export function behindBy(zxid: string, leading: string): number | undefined {
  const [epoch, counter] = zxid.split(":").map(Number);
  const [leadingEpoch, leadingCounter] = leading.split(":").map(Number);
  if (epoch !== leadingEpoch) return undefined;
  return Math.max(0, (leadingCounter ?? 0) - (counter ?? 0));
}

/** A zxid of 20 digits as `epoch:counter`. */
export function zxidShort(digits: string): string {
  const zxid = BigInt(digits);
  return `${zxid >> 32n}:${zxid & 0xffffffffn}`;
}

/** The bytes of base64. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The text of bytes; undefined where they are no UTF-8, or hold what no text does. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return Array.from(text).some(isControl) ? undefined : text;
  } catch {
    // They are no UTF-8: then they are shown as bytes.
    return undefined;
  }
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 && !"\t\n\r".includes(character);
}

/** JSON on several lines; undefined where the text is none. */
export function prettyJson(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It is no JSON: then it is shown as it is.
    return undefined;
  }
}

/** Lines of sixteen bytes: offset, hexadecimal, text. */
export function hexDump(bytes: Uint8Array, bytesMax: number): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, bytesMax); at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, bytesMax));
    const hex = Array.from(row, (octet) => octet.toString(16).padStart(2, "0"));
    const halves = `${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}`;
    const text = Array.from(row, (octet) =>
      octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : ".",
    ).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${halves}  ${text}`);
  }
  return lines.join("\n");
}
