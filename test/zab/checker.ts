/** Violations of what Zab promises, found from outside. */
export class Checker {
  /** What was seen delivered anywhere, in order: nothing of it may ever change. */
  readonly order: string[] = [];
  readonly #leaders: Map<number, string> = new Map();

  onDelivered(index: number, text: string, who: string): void {
    const known = this.order[index];
    if (known === undefined && index === this.order.length) this.order.push(text);
    else if (known !== text) {
      throw new Error(`${who} delivered ${text} as number ${index}, where others have ${known}`);
    }
  }

  onEstablished(epoch: number, who: string): void {
    const other = this.#leaders.get(epoch);
    if (other !== undefined && other !== who) {
      throw new Error(`epoch ${epoch} has two leaders, ${other} and ${who}`);
    }
    this.#leaders.set(epoch, who);
  }
}
