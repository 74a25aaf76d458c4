/** Stages whose every test is judged, whatever it looked at: no property of Zab may be broken. */
import { afterEach } from "vitest";
import { Stage, type StageOptions } from "./stage.ts";

/** What makes the stages of a test file; called once, at its head. */
export function judgedStages(): (options: StageOptions) => Stage {
  const stages: Stage[] = [];
  afterEach(() => {
    for (const stage of stages.splice(0)) stage.checker.judge();
  });
  return (options) => {
    const stage = new Stage(options);
    stages.push(stage);
    return stage;
  };
}
