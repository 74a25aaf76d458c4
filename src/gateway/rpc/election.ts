/** Elections through the binding. */
import { RpcTarget } from "cloudflare:workers";
import type { CampaignOptions, Candidate, ReadOptions } from "../../binding/binding.ts";
import { type ApiCaller, segment } from "./api-caller.ts";
import { ContenderTarget, electionOf, type LeaseTarget } from "./lease.ts";

/** See `Election`. */
export class ElectionTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #name: string;

  constructor(caller: ApiCaller, name: string) {
    super();
    this.#caller = caller;
    this.#name = name;
  }

  /** Stands for election. */
  async campaign(options?: CampaignOptions): Promise<LeaseTarget> {
    return await new ContenderTarget(this.#caller, electionOf(this.#name, options)).held();
  }

  /** Who leads. */
  async leader(options?: ReadOptions): Promise<Candidate | null> {
    return (await this.candidates(options)).find(({ holds }) => holds) ?? null;
  }

  /** The leader, and those that would follow. */
  async candidates({ consistency = "local", minZxid }: ReadOptions = {}): Promise<readonly Candidate[]> {
    const path = `${electionOf(this.#name).url}?consistency=${segment(consistency)}`;
    const told = await this.#caller.json({ method: "GET", path, headers: { "min-zxid": minZxid } });
    return told["candidates"] as readonly Candidate[];
  }
}
