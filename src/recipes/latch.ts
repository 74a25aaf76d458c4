/** A door that opens once, and a bell that rings again and again: how recipes wake who waits. */

/** See the file's comment. */
export class Latch {
  readonly opened: Promise<void>;
  #open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Opens it; a second time changes nothing. */
  open(): void {
    this.#open();
  }
}

/** Wakes whoever waits at the moment; what rings while nobody waits is heard by the next who does. */
export class Bell {
  #latch = new Latch();

  ring(): void {
    this.#latch.open();
  }

  /** Resolves when it has rung since the last time that this was awaited. */
  async rung(): Promise<void> {
    const latch = this.#latch;
    await latch.opened;
    if (this.#latch === latch) this.#latch = new Latch();
  }
}
