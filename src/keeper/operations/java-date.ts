/**
 * Moments as Java's Date.toString prints them, in UTC: `Sun Nov 22 23:57:16 UTC 2026`. By hand, as the core is pure and
 * knows no Date. Source of the calendar: Howard Hinnant, chrono-compatible low-level date algorithms (civil_from_days).
 */
const WEEKDAYS = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

const DAY_MS = 86_400_000;

/** The text of a moment in Unix milliseconds, from 1970 on. */
export function javaDate(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  const { year, month, day } = civilFromDays(days);
  const seconds = Math.floor((ms - days * DAY_MS) / 1000);
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(twoDigits);
  return `${WEEKDAYS[days % 7] ?? ""} ${MONTHS[month] ?? ""} ${twoDigits(day)} ${time.join(":")} UTC ${year}`;
}

/** Of days since 1970; the month from 0. Years are counted from March on, so that leap days come last. */
function civilFromDays(days: number): {
  readonly year: number;
  readonly month: number;
  readonly day: number;
} {
  const sinceYear0 = days + 719_468;
  const era = Math.floor(sinceYear0 / 146_097);
  const ofEra = sinceYear0 - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = (fromMarch + 2) % 12;
  return { year: yearOfEra + era * 400 + (month < 2 ? 1 : 0), month, day };
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
