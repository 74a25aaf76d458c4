/**
 * What an ensemble costs in a month on Cloudflare, from what was measured of it and the public prices, beside three
 * machines that run ZooKeeper. docs/cost.md tells where each figure comes from.
 */

const HOURS_PER_DAY = 24;
const DAYS = 30;
const SECONDS_PER_HOUR = 3600;

/** What the platform charges, in US dollars, beyond what the plan of `planUsd` a month includes. */
export interface Prices {
  readonly planUsd: number;
  /** Of Workers, and of objects; an incoming WebSocket message is a twentieth of one. */
  readonly workerRequestsUsdPerMillion: number;
  readonly workerRequestsIncluded: number;
  readonly objectRequestsUsdPerMillion: number;
  readonly objectRequestsIncluded: number;
  readonly durationUsdPerMillionGbS: number;
  readonly durationIncludedGbS: number;
  readonly rowsWrittenUsdPerMillion: number;
  readonly rowsWrittenIncluded: number;
  readonly storageUsdPerGb: number;
  readonly storageIncludedGb: number;
  /** What an object is charged for while it is in memory, whatever it uses. */
  readonly objectGb: number;
  readonly messagesPerRequest: number;
}

/** Source: Cloudflare, "Durable Objects: Pricing" and "Workers: Pricing", the paid plan, read in November 2026. */
export const PRICES: Prices = {
  planUsd: 5,
  workerRequestsUsdPerMillion: 0.3,
  workerRequestsIncluded: 10e6,
  objectRequestsUsdPerMillion: 0.15,
  objectRequestsIncluded: 1e6,
  durationUsdPerMillionGbS: 12.5,
  durationIncludedGbS: 400_000,
  rowsWrittenUsdPerMillion: 1,
  rowsWrittenIncluded: 50e6,
  storageUsdPerGb: 0.2,
  storageIncludedGb: 5,
  objectGb: 0.128,
  messagesPerRequest: 20,
};

/** What one replica was seen to do. */
export interface Measured {
  /** Rows that a setData takes, one after the other, and 32 at once. */
  readonly rowsPerWrite: number;
  readonly rowsPerWriteInBatches: number;
  /** Rows of an acquire and a release over HTTP. */
  readonly rowsPerLockCycle: number;
  /** Rows of falling asleep and waking. */
  readonly rowsPerNight: number;
  /** Rows of a minute in which nobody asks for anything, and the ensemble stays awake: alarms. */
  readonly rowsPerIdleMinute: number;
  /** Messages a second between the leader and one learner where nothing is written: pings, polls, digests. */
  readonly idleMessagesPerS: number;
  /** Messages that one more write takes on the link of each learner: proposal, acknowledgement, commit. */
  readonly messagesPerWrite: number;
  /** Seconds that a wake lasts where nobody goes on asking, beyond DORMANT_AFTER_MS. */
  readonly wakeS: number;
}

/** How an ensemble is used. Rates are a second, over the hours in use. */
export interface Usage {
  readonly voters: number;
  readonly observers: number;
  /** Clients that hold a connection (WebSocket), in the hours in use. */
  readonly sessions: number;
  /** A client that asks for nothing sends a ping so often. */
  readonly pingS: number;
  /** By these sessions. */
  readonly writesPerS: number;
  readonly readsPerS: number;
  /** Over HTTP. */
  readonly httpWritesPerS: number;
  readonly httpReadsPerS: number;
  readonly lockCyclesPerS: number;
  /** Whether writes come many at a time. */
  readonly isBatched: boolean;
  /** In use, of a day; it sleeps in the others. */
  readonly hoursPerDay: number;
  /** How often it is woken in the hours in which it sleeps, and for how long it stays awake then at least. */
  readonly wakesPerDay: number;
  readonly dormantAfterS: number;
  /** Of each replica. */
  readonly storedGb: number;
}

/** One line of the bill. */
export interface Charge {
  readonly what: string;
  readonly amount: number;
  readonly included: number;
  readonly usd: number;
}

/** A month. */
export interface Bill {
  readonly charges: readonly Charge[];
  readonly planUsd: number;
  readonly totalUsd: number;
  /** Seconds in memory of each replica, and their part of the month. */
  readonly awakeS: number;
  readonly awakePart: number;
}

/** The bill of a month of thirty days. */
export function billOf(usage: Usage, measured: Measured, prices: Prices = PRICES): Bill {
  const { voters, observers } = usage;
  const replicas = voters + observers;
  const learners = replicas - 1;
  const usedS = usage.hoursPerDay * SECONDS_PER_HOUR * DAYS;
  const monthS = HOURS_PER_DAY * SECONDS_PER_HOUR * DAYS;
  const nights = usage.hoursPerDay < HOURS_PER_DAY ? (usage.wakesPerDay + 1) * DAYS : 0;
  const wokenS = nights * (usage.dormantAfterS + measured.wakeS);
  const awakeS = Math.min(monthS, usedS + wokenS);
  const perMonth = (perS: number): number => perS * usedS;

  const writes = perMonth(usage.writesPerS + usage.httpWritesPerS);
  const locks = perMonth(usage.lockCyclesPerS);
  const calls = perMonth(usage.httpWritesPerS + usage.httpReadsPerS + 2 * usage.lockCyclesPerS);
  const pings = usage.sessions === 0 ? 0 : perMonth(usage.sessions / usage.pingS);
  const clientMessages = perMonth(usage.writesPerS + usage.readsPerS) + pings;
  // A lock cycle is two transactions.
  const linkMessages =
    learners * (awakeS * measured.idleMessagesPerS + (writes + 2 * locks) * measured.messagesPerWrite);
  const rowsPerWrite = usage.isBatched ? measured.rowsPerWriteInBatches : measured.rowsPerWrite;
  const rows =
    replicas *
    (writes * rowsPerWrite +
      locks * measured.rowsPerLockCycle +
      nights * measured.rowsPerNight +
      (awakeS / 60) * measured.rowsPerIdleMinute);
  const million = (usd: number): number => usd / 1e6;
  const charges = [
    charge(
      "requests of Workers",
      calls,
      prices.workerRequestsIncluded,
      million(prices.workerRequestsUsdPerMillion),
    ),
    charge(
      "requests of objects",
      calls + nights * replicas + (clientMessages + linkMessages) / prices.messagesPerRequest,
      prices.objectRequestsIncluded,
      million(prices.objectRequestsUsdPerMillion),
    ),
    charge(
      "GB-seconds in memory",
      replicas * awakeS * prices.objectGb,
      prices.durationIncludedGbS,
      million(prices.durationUsdPerMillionGbS),
    ),
    charge("rows written", rows, prices.rowsWrittenIncluded, million(prices.rowsWrittenUsdPerMillion)),
    charge("GB stored", replicas * usage.storedGb, prices.storageIncludedGb, prices.storageUsdPerGb),
  ];
  const totalUsd = charges.reduce((sum, { usd }) => sum + usd, prices.planUsd);
  return { charges, planUsd: prices.planUsd, totalUsd, awakeS, awakePart: awakeS / monthS };
}

function charge(what: string, amount: number, included: number, usdEach: number): Charge {
  return { what, amount, included, usd: Math.max(0, amount - included) * usdEach };
}
