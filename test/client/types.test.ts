/** What the compiler says of the SDK's types: programs lean on it. */
import { describe, expect, expectTypeOf, it } from "vitest";

import type { Client } from "../../src/client/client.ts";
import type { EdgekeeperError, NoNodeError } from "../../src/client/errors.ts";
import type { HttpClient } from "../../src/client/http/http-client.ts";
import type { HttpEvent } from "../../src/client/http/http-watch.ts";
import type { Lead, Lease } from "../../src/client/http/lease.ts";
import { connect, http } from "../../src/client/index.ts";
import type { ConnectOptions, CreateOptions } from "../../src/client/options.ts";
import type { TransactionResult } from "../../src/client/transaction.ts";
import type { Created, DataInput, Stat, WatchEvent, Znode } from "../../src/client/znode.ts";
import type { RecipeClient } from "../../src/recipes/recipe-client.ts";
import type { SdkRecipeClient } from "../../src/recipes/connect-recipes.ts";

describe("the types of the SDK", () => {
  it("say what a session takes and gives", () => {
    expectTypeOf(connect).parameters.toEqualTypeOf<
      [string | readonly string[], (ConnectOptions | undefined)?]
    >();
    expectTypeOf<Client["get"]>().returns.resolves.toEqualTypeOf<Znode>();
    expectTypeOf<Client["exists"]>().returns.resolves.toEqualTypeOf<Stat | undefined>();
    expectTypeOf<Client["create"]>().parameters.toEqualTypeOf<
      [string, (DataInput | undefined)?, (CreateOptions | undefined)?]
    >();
    expectTypeOf<Client["create"]>().returns.resolves.toEqualTypeOf<Created>();
    expectTypeOf<Stat["czxid"]>().toEqualTypeOf<bigint>();
    expectTypeOf<Client>().toExtend<AsyncDisposable>();
    expectTypeOf<ReturnType<Znode["json"]>>().toBeUnknown();
    expect(connect).toBeTypeOf("function");
  });

  it("know each kind of event and result, so that a switch over them can be complete", () => {
    expectTypeOf<WatchEvent["type"]>().toEqualTypeOf<
      "created" | "deleted" | "dataChanged" | "childrenChanged" | "removed" | "resync" | "ended"
    >();
    expectTypeOf<HttpEvent["type"]>().toEqualTypeOf<
      "created" | "deleted" | "dataChanged" | "childrenChanged" | "resync"
    >();
    expectTypeOf<TransactionResult["op"]>().toEqualTypeOf<"create" | "set" | "delete" | "check">();
    expectTypeOf<Extract<TransactionResult, { op: "set" }>["stat"]>().toEqualTypeOf<Stat>();
    expectTypeOf<NoNodeError["code"]>().toEqualTypeOf<"NONODE">();
    expectTypeOf<NoNodeError>().toExtend<EdgekeeperError>();
    expect(http).toBeTypeOf("function");
  });

  it("let nothing be misspelt or left out that matters", () => {
    expectTypeOf<{ mode: "ephemral" }>().not.toExtend<CreateOptions>();
    expectTypeOf<{ version: string }>().not.toExtend<Parameters<Client["set"]>[2]>();
    expectTypeOf<{ waitMs: 1 }>().not.toExtend<Parameters<HttpClient["semaphore"]>[1]>();
    expectTypeOf<number>().not.toExtend<DataInput>();
    expectTypeOf<Lease>().toExtend<AsyncDisposable>();
    expectTypeOf<Lease["signal"]>().toEqualTypeOf<AbortSignal>();
    expectTypeOf<Lead>().toExtend<Lease>();
    expectTypeOf<SdkRecipeClient>().toExtend<RecipeClient>();
    expect(http).toBeTypeOf("function");
  });
});
