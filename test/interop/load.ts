/** A steady stream of batches, each sent until a server has acknowledged it. */

/** See the file's comment. */
export class Load {
  /** Batches that a server has acknowledged: those from 0. */
  acknowledged = 0;
  /** How often a batch was refused, or not answered. */
  failures = 0;
  readonly #send: (batch: number, server: number) => Promise<unknown>;
  readonly #pauseMs: number;
  #isFinishing = false;
  #isAbandoned = false;
  #sending: Promise<void> = Promise.resolve();

  /**
   * `send` throws where a batch is not acknowledged; it is then asked for the same batch again, and for the next
   * server, counted from 0.
   */
  constructor(pauseMs: number, send: (batch: number, server: number) => Promise<unknown>) {
    this.#pauseMs = pauseMs;
    this.#send = send;
  }

  start(): void {
    this.#sending = this.#run();
  }

  /** Begins no more batches; resolves when the one that is under way is acknowledged. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#sending;
  }

  /** Ends it, whether what is under way is acknowledged or not. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  async #run(): Promise<void> {
    let server = 0;
    let isUnderWay = false;
    while (!this.#isAbandoned && (isUnderWay || !this.#isFinishing)) {
      isUnderWay = true;
      try {
        await this.#send(this.acknowledged, server);
        this.acknowledged += 1;
        isUnderWay = false;
      } catch {
        // Dead, or without a session for a moment: another one may take it.
        this.failures += 1;
        server += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
    }
  }
}
