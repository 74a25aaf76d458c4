import type { Target } from "./target.ts";
export const gatewayTarget: Target = { name: "gateway", make: () => [], play: () => 1 };
